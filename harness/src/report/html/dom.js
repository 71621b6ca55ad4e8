// What all views share: elements, numbers, the tooltip, and the report's data.
'use strict';

const DATA = JSON.parse(document.getElementById('report').textContent);
const REPORT = DATA.report;
const ALLOCATORS = DATA.allocators;
const FUNCTIONS = REPORT.functions;

// Whose figures are shown: those of the allocator's answer, or of the code behind the passes that
// follow it.
const STAGES = [['answer', 'Allocator'], ['final', 'Emitted code']];
let shownStage = 'answer';

function staged(figures, key) {
  return (shownStage === 'final' ? figures.final : figures)[key];
}

// What can be compared, and how it is read from an allocator's figures.
const MEASURES = [
  { id: 'spills', name: 'spills', long: 'spill stores and reloads', of: (f) => staged(f, 'spill_stores') + staged(f, 'reloads') },
  { id: 'cost', name: 'cost', long: 'cost, weighted by loop depth', of: (f) => staged(f, 'cost') },
  { id: 'stores', name: 'stores', long: 'spill stores', of: (f) => staged(f, 'spill_stores') },
  { id: 'reloads', name: 'reloads', long: 'reloads', of: (f) => staged(f, 'reloads') },
  { id: 'moves', name: 'moves', long: 'register moves', of: (f) => staged(f, 'moves') },
  { id: 'remats', name: 'remats', long: 'values computed again', of: (f) => staged(f, 'remats') },
  { id: 'slots', name: 'slots', long: 'words of spill slots', of: (f) => staged(f, 'slots') },
  { id: 'frame', name: 'frame', long: 'bytes of stack frame', of: (f) => f.frame_bytes },
  { id: 'bytes', name: 'bytes', long: 'bytes of code', of: (f) => f.code_bytes },
];

// What was executed, if it was.
if (REPORT.profiles) {
  MEASURES.push({ id: 'executed', name: 'executed', long: 'executed spill stores and reloads', of: (f) => f.dynamic.cost });
}

function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

// Sets attributes, listeners (`onclick`) and children; what is null is left out.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
}

function format(number) {
  return number.toLocaleString('en-US').replace(/,/g, '\u202f');
}

function functionName(at) {
  return FUNCTIONS[at].module + ':' + FUNCTIONS[at].name;
}

function allocatorColour(name) {
  return `var(--${name})`;
}

function swatch(colour) {
  const element = el('span', { class: 'swatch' });
  element.style.background = colour;
  return element;
}

// A select of `options`, pairs of value and text.
function choice(label, options, value, onchange, hideLabel) {
  const select = el('select', { onchange: (event) => onchange(event.target.value) },
    options.map(([id, text]) => el('option', { value: id }, text)));
  select.value = value;
  return el('label', {}, el('span', { class: hideLabel ? 'visually-hidden' : null }, label), select);
}

// Buttons of which one is pressed.
function buttons(label, options, value, onchange) {
  const list = options.map(([id, text]) => el('button', {
    type: 'button',
    'aria-pressed': String(id === value),
    onclick: () => {
      list.forEach((button, i) => button.setAttribute('aria-pressed', String(options[i][0] === id)));
      onchange(id);
    },
  }, text));
  return el('div', { class: 'group', role: 'group', 'aria-label': label }, list);
}

// A choice of the stage whose figures are shown.
function stageChoice(changed) {
  return buttons('Figures of', STAGES, shownStage, (id) => {
    shownStage = id;
    changed();
  });
}

// Shows `text()` beside the pointer while it is over the element.
function hint(element, text) {
  element.addEventListener('pointermove', (event) => {
    const tip = document.getElementById('tip');
    tip.textContent = text();
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const below = event.clientY + 18;
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (below + box.height > innerHeight ? event.clientY - box.height - 12 : below) + 'px';
  });
  element.addEventListener('pointerleave', hideHint);
  return element;
}

function hideHint() {
  document.getElementById('tip').hidden = true;
}

// Draws into the element at its width, and again whenever that changes.
function drawn(element, draw) {
  let width = 0;
  const redraw = () => {
    const now = Math.floor(element.clientWidth);
    if (now === width || now === 0) return;
    width = now;
    element.replaceChildren(draw(width));
  };
  new ResizeObserver(redraw).observe(element);
  requestAnimationFrame(redraw);
  return element;
}

// Round numbers from 0 to at least `max`, about `count` of them.
function ticks(max, count) {
  const raw = Math.max(max, 1) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw));
  const list = [];
  for (let tick = 0; list.length === 0 || list[list.length - 1] < max; tick += step) list.push(tick);
  return list;
}
