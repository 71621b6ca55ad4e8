// The view of one function: figures, pressure and places along the program, code side by side.
'use strict';

function vregName(bits) {
  return ((bits & 3) === 0 ? 'v' : 'f') + (bits >> 2);
}

// Reads what the page holds of a function.
function functionData(at) {
  const data = JSON.parse(document.getElementById(`function-${at}`).textContent);
  data.blockOf = new Array(data.insts.length).fill(0);
  data.blocks.forEach(([first], block) => data.blockOf.fill(block, first));
  for (const allocation of Object.values(data.allocators)) {
    const { stays: flat, lines } = allocation;
    allocation.stays = [];
    for (let i = 0; i < flat.length; i += 4) {
      allocation.stays.push({ place: flat[i], vreg: flat[i + 1], start: flat[i + 2], end: flat[i + 3] });
    }
    allocation.lines = [];
    for (let i = 0, inst = 0; i < lines.length; i += 3) {
      const isInst = [0, 5, 6].includes(lines[i]);
      allocation.lines.push({ kind: lines[i], text: data.texts[lines[i + 1]], value: lines[i + 2], inst, isInst });
      if (isInst) inst += 1;
    }
  }
  return data;
}

function placeName(data, place) {
  return place < data.registers.length ? data.registers[place] : 'spill' + (place - data.registers.length);
}

// Builds the view. `chosen` has the two allocators, `moved` is told when they change.
function functionView(at, chosen, moved) {
  const data = functionData(at);
  const f = FUNCTIONS[at];
  const view = { data, at, left: chosen.left, right: chosen.right, shown: chosen.left, selected: 0, zoom: 1, source: 'clif', lit: null };
  view.select = (inst, from) => selectInst(view, inst, from);

  const neighbour = (to, text, rel) => FUNCTIONS[to]
    ? el('a', { href: `#f${to}`, rel, title: functionName(to) }, text) : el('span', { class: 'muted' }, text);
  const heading = el('div', { class: 'heading' },
    el('div', {}, el('p', {}, el('a', { href: '#' }, '← all functions')), el('h1', {}, functionName(at))),
    el('span', { class: 'spacer' }),
    el('nav', { class: 'controls', 'aria-label': 'Functions' }, neighbour(at - 1, '‹ previous', 'prev'), neighbour(at + 1, 'next ›', 'next')));
  const facts = [['instructions', f.vcode_insts], ['values', f.vregs], ['blocks', data.blocks.length],
    ['peak pressure', f.peak_pressure], ['excess', f.excess], ['lower bound of cost', f.lower_bound]];
  const known = f.optimum && (f.optimum.proved ? format(f.optimum.cost) : `${format(f.optimum.bound)}..${format(f.optimum.cost)}`);
  const fact = (name, text, over) => el('div', {}, el('dt', {}, name), el('dd', { class: over ? 'over' : null }, text));
  const factList = el('dl', { class: 'facts' },
    facts.map(([name, value]) => fact(name, format(value), name === 'excess' && value > 0)),
    known ? fact('optimum of cost', known) : null);

  const figures = el('div', {}, figuresTable(at));
  const head = el('div', { class: 'heading' }, factList, el('span', { class: 'spacer' }),
    el('div', { class: 'controls' }, stageChoice(() => figures.replaceChildren(figuresTable(at)))));
  view.element = el('div', { class: 'stack' }, heading, head, figures, timelineSection(view), codeSection(view, moved));
  selectInst(view, 0, null);
  return view.element;
}

function figuresTable(at) {
  const best = new Map();
  const head = el('tr', {}, el('th', { scope: 'col', class: 'name' }, el('span', {}, 'allocator')),
    MEASURES.map((m) => el('th', { scope: 'col', title: m.long }, el('span', {}, m.name))),
    el('th', { scope: 'col', title: 'machine instructions' }, el('span', {}, 'insts')));
  const rows = ALLOCATORS.map((name) => {
    const key = el('span', { class: 'key' });
    key.style.background = allocatorColour(name);
    const figures = FUNCTIONS[at].allocators[name];
    const order = figures.reordered ? el('span', { class: 'muted' }, ' (other order)') : null;
    return el('tr', {}, el('th', { scope: 'row', class: 'name' }, key, name, order),
      MEASURES.map((m) => measureCell(at, m, m.of(figures), best)), el('td', {}, format(figures.insts)));
  });
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures' },
    el('table', { id: 'figures' }, el('caption', { class: 'visually-hidden' }, 'Figures by allocator'), el('thead', {}, head), el('tbody', {}, rows)));
}

// --- The selected instruction ------------------------------------------------------------------

function stepKey(view, event, steps, from) {
  const last = view.data.insts.length - 1;
  const to = { Home: 0, End: last }[event.key] ?? (event.key in steps ? view.selected + steps[event.key] : null);
  if (to === null || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  view.select(Math.min(last, Math.max(0, to)), from);
}

// Marks an instruction in all listings and on the timeline. What the reader did not touch himself
// scrolls there; nothing scrolls if `from` is null.
function selectInst(view, inst, from) {
  const { data } = view;
  view.selected = inst;
  for (const body of [view.sourceBody, view.leftBody, view.rightBody]) {
    if (!body) continue;
    for (const old of body.querySelectorAll('.here')) {
      old.classList.remove('here');
      old.removeAttribute('aria-selected');
    }
    const loc = data.locs[inst];
    const isClif = body === view.sourceBody && view.source === 'clif';
    const found = isClif
      ? loc === null ? [] : body.querySelectorAll(`[data-loc="${loc}"]`)
      : body.querySelectorAll(`[data-inst="${inst}"]:not([data-kind])`);
    for (const line of found) {
      line.classList.add('here');
      line.setAttribute('aria-selected', 'true');
    }
    if (from && found.length > 0) reveal(body, found[0]);
  }
  placeCursors(view);
  if (from && view.perPoint) scrollTimeline(view);
  describe(view, inst);
}

// Scrolls a listing, and nothing around it, so far that a line is in sight.
function reveal(body, line) {
  const box = body.getBoundingClientRect(), at = line.getBoundingClientRect();
  if (at.top < box.top + 20 || at.bottom > box.bottom - 20) {
    body.scrollTop += at.top - box.top - box.height / 3;
  }
}

// Says what the instruction is and what is where in front of it.
function describe(view, inst) {
  if (!view.status) return;
  const { data } = view;
  const { stays } = data.allocators[view.shown];
  const here = stays.filter((stay) => stay.start <= 2 * inst && 2 * inst < stay.end);
  const pressure = data.pressure.map((p) => Math.max(p.live[2 * inst], p.live[2 * inst + 1]) + ` of ${p.k}`);
  view.status.replaceChildren(
    el('strong', {}, `${inst} `), el('code', {}, instText(view, inst)),
    el('span', { class: 'muted' }, pressure.length ? ` · pressure ${pressure.join(', floats ')}` : ''), el('br'),
    el('span', { class: 'muted' }, `${view.shown}: `),
    el('code', {}, here.map((stay) => `${placeName(data, stay.place)}=${vregName(stay.vreg)}`).join('  ') || 'nothing is held'));
}
