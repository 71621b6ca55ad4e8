// Pressure and places along the program, of one function.
'use strict';

const LANE = 17;
// Width of the names of places.
const LABEL = 72;

function timelineSection(view) {
  view.timeline = el('div', {
    class: 'timeline', tabindex: 0, role: 'application',
    'aria-label': 'Pressure and places along the program. Left and right arrows step through the instructions, plus and minus zoom.',
    onkeydown: (event) => {
      if (event.key === '+' || event.key === '-') zoom(view, event.key === '+' ? 2 : 0.5);
      else stepKey(view, event, { ArrowLeft: -1, ArrowRight: 1 }, 'timeline');
    },
  });
  view.status = el('p', { class: 'status', id: 'status', 'aria-live': 'polite' });
  drawn(view.timeline, (width) => {
    view.width = width;
    return timelineChart(view);
  });
  const redraw = (name) => {
    view.shown = name;
    redrawTimeline(view);
    selectInst(view, view.selected, 'timeline');
  };
  return el('section', { 'aria-labelledby': 'timeline-title' },
    el('div', { class: 'heading' },
      el('div', {}, el('h2', { id: 'timeline-title' }, 'Where values live'),
        el('p', {}, 'Pressure above; below, which value each register and slot holds along the program.')),
      el('span', { class: 'spacer' }),
      el('div', { class: 'controls' },
        choice('Allocation by', ALLOCATORS.map((name) => [name, name]), view.shown, redraw),
        el('div', { class: 'group', role: 'group', 'aria-label': 'Zoom' },
          el('button', { type: 'button', 'aria-label': 'Zoom out', onclick: () => zoom(view, 0.5) }, '−'),
          el('button', { type: 'button', onclick: () => zoom(view, 0) }, 'Fit'),
          el('button', { type: 'button', 'aria-label': 'Zoom in', onclick: () => zoom(view, 2) }, '+')))),
    view.timeline, view.status);
}

// Multiplies the zoom; 0 shows the whole program.
function zoom(view, factor) {
  view.zoom = factor === 0 ? 1 : Math.min(64, Math.max(1, view.zoom * factor));
  redrawTimeline(view);
  selectInst(view, view.selected, null);
  scrollTimeline(view);
}

function redrawTimeline(view) {
  if (view.width) view.timeline.replaceChildren(timelineChart(view));
}

function timelineChart(view) {
  const { data } = view;
  const points = 2 * data.insts.length;
  view.perPoint = Math.max(1, view.width - LABEL - 2) / points * view.zoom;
  const width = Math.ceil(points * view.perPoint);
  const rows = document.createDocumentFragment();
  const row = (top, labels, chart) => el('div', { class: top ? 'row top' : 'row' }, el('div', { class: 'labels' }, labels), chart);
  view.cursors = [];
  const panels = data.pressure.map((pressure) => pressurePanel(view, pressure, width));
  panels.forEach(([labels, chart]) => rows.append(row(true, labels, chart)));
  rows.append(row(false, ...lanes(view, width)));
  placeCursors(view);
  return rows;
}

// The pressure of one class, with its registers as a limit, and marks where it does not fit.
function pressurePanel(view, pressure, width) {
  const height = 84, top = 10, bottom = 6;
  const max = pressure.live.reduce((a, b) => Math.max(a, b), pressure.k) + 1;
  const x = (point) => point * view.perPoint;
  const y = (value) => height - bottom - value / max * (height - top - bottom);
  const chart = svg('svg', { width, height, 'aria-hidden': 'true' });
  drawBlocks(view, chart, height, true);
  let path = `M0,${y(0)}`;
  pressure.live.forEach((value, point) => { path += `V${y(value).toFixed(1)}H${x(point + 1).toFixed(1)}`; });
  chart.append(svg('path', { class: 'pressure', d: path + `V${y(0)}Z` }),
    svg('line', { class: 'limit', x1: 0, x2: width, y1: y(pressure.k), y2: y(pressure.k) }));
  pressure.excess.forEach((excess, inst) => {
    if (excess > 0) {
      chart.append(svg('rect', { class: 'excess', x: x(2 * inst), y: height - 5, width: Math.max(1, 2 * view.perPoint), height: 4 }));
    }
  });
  interactive(view, chart, height, (inst) => {
    const live = Math.max(pressure.live[2 * inst], pressure.live[2 * inst + 1]);
    const excess = pressure.excess[inst];
    return `${inst}: ${instText(view, inst)}\n${live} values live, k = ${pressure.k}` + (excess > 0 ? `, ${excess} too many` : '');
  });
  const classes = ['pressure', 'floats', 'vectors'];
  const labels = svg('svg', { width: LABEL, height, 'aria-hidden': 'true' },
    svg('text', { class: 'muted', x: LABEL - 8, y: top + 8, 'text-anchor': 'end' }, classes[pressure.class]),
    svg('text', { x: LABEL - 8, y: y(pressure.k) + (y(pressure.k) < top + 22 ? 14 : 4), 'text-anchor': 'end' }, `k=${pressure.k}`));
  return [labels, chart];
}

function instText(view, inst) {
  return view.data.texts[view.data.insts[inst]];
}

// A lane for each register and slot, with a bar for each stay.
function lanes(view, width) {
  const { data } = view;
  const { stays } = data.allocators[view.shown];
  const places = stays.reduce((max, stay) => Math.max(max, stay.place + 1), data.registers.length);
  const gap = 6;
  const y = (place) => 4 + place * LANE + (place >= data.registers.length ? gap : 0);
  const height = y(places) + 4;
  const chart = svg('svg', { width, height, 'aria-hidden': 'true' });
  const labels = svg('svg', { width: LABEL, height, 'aria-hidden': 'true' });
  for (let place = 0; place < places; place++) {
    const isSlot = place >= data.registers.length;
    chart.append(svg('rect', { class: isSlot ? 'lane slot' : 'lane', x: 0, y: y(place) + 1, width, height: LANE - 2 }));
    labels.append(svg('text', { x: LABEL - 8, y: y(place) + 13, 'text-anchor': 'end' }, placeName(data, place)));
  }
  drawBlocks(view, chart, height, false);
  interactive(view, chart, height, null);
  for (const stay of stays) {
    const x = stay.start * view.perPoint, length = (stay.end - stay.start) * view.perPoint;
    const name = vregName(stay.vreg);
    const bar = svg('rect', {
      class: `stay h${(stay.vreg >> 2) % 7}`, 'data-vreg': stay.vreg,
      x, y: y(stay.place) + 2, width: Math.max(0.6, length - 0.6), height: LANE - 4, rx: Math.min(3, length / 4),
    });
    bar.addEventListener('pointerenter', () => light(view, stay.vreg));
    bar.addEventListener('pointerleave', () => light(view, null));
    bar.addEventListener('click', () => view.select(stay.start >> 1, 'timeline'));
    hint(bar, () => `${name} in ${placeName(data, stay.place)}\ninstructions ${stay.start >> 1} to ${(stay.end - 1) >> 1}`);
    chart.append(bar);
    if (length > 8 + 7 * name.length) {
      chart.append(svg('text', { class: 'stay-name', 'data-vreg': stay.vreg, x: x + 4, y: y(stay.place) + 13 }, name));
    }
  }
  view.laneChart = chart;
  return [labels, chart];
}

// Lines between blocks and, if asked, a strip whose depth of colour is that of loops.
function drawBlocks(view, chart, height, strip) {
  const { blocks, insts } = view.data;
  // Lines that would cover everything are left out.
  const lines = 2 * insts.length / blocks.length * view.perPoint > 8;
  blocks.forEach(([first, depth], block) => {
    const x = 2 * first * view.perPoint;
    const end = 2 * (block + 1 < blocks.length ? blocks[block + 1][0] : insts.length) * view.perPoint;
    if (lines) chart.append(svg('line', { class: 'block', x1: x, x2: x, y1: 0, y2: height }));
    if (strip && depth > 0) {
      const bar = svg('rect', { class: 'depth', x, y: 0, width: end - x, height: 5, 'fill-opacity': Math.min(1, 0.25 * depth) });
      chart.append(hint(bar, () => `block ${block}, loop depth ${depth}`));
    }
  });
}

// Makes a chart answer clicks with the instruction there, and mark the selected one.
function interactive(view, chart, height, text) {
  const cursor = svg('rect', { class: 'cursor', y: 0, height });
  view.cursors.push(cursor);
  const instAt = (event) => {
    const inst = Math.floor((event.clientX - chart.getBoundingClientRect().left) / view.perPoint / 2);
    return Math.min(view.data.insts.length - 1, Math.max(0, inst));
  };
  let over = 0;
  chart.addEventListener('pointermove', (event) => { over = instAt(event); });
  chart.addEventListener('click', (event) => {
    if (!event.target.classList.contains('stay')) view.select(instAt(event), 'timeline');
  });
  if (text) hint(chart, () => text(over));
  chart.append(cursor);
}

// Shows where else a value is; null for none.
function light(view, vreg) {
  for (const bar of view.laneChart.querySelectorAll('.lit')) bar.classList.remove('lit');
  if (vreg === null) return;
  for (const bar of view.laneChart.querySelectorAll(`[data-vreg="${vreg}"]`)) bar.classList.add('lit');
}

function placeCursors(view) {
  for (const cursor of view.cursors || []) {
    cursor.setAttribute('x', 2 * view.selected * view.perPoint);
    cursor.setAttribute('width', Math.max(2, 2 * view.perPoint));
  }
}

function scrollTimeline(view) {
  const { timeline } = view;
  const x = 2 * view.selected * view.perPoint;
  const room = timeline.clientWidth - LABEL;
  if (x < timeline.scrollLeft || x > timeline.scrollLeft + room - 20) timeline.scrollLeft = x - room / 2;
}
