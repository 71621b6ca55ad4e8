// Charts of the overview: bars by allocator, pressure against a measure, curves against k.
'use strict';

// One bar for each allocator, in one segment for each function. Functions come in the same order in
// every bar, those with the most first; segments too thin to see are drawn as one.
function barChart(measure, width, open) {
  const totals = ALLOCATORS.map((name) => measure.of(REPORT.totals[name]));
  const order = FUNCTIONS.map((f, at) => {
    let sum = 0;
    for (const name of ALLOCATORS) sum += measure.of(f.allocators[name]);
    return { at, sum };
  }).sort((a, b) => b.sum - a.sum || a.at - b.at);
  const left = 76, right = 64, height = 32, gap = 24, top = 4;
  const scaleTicks = ticks(Math.max(...totals), 5);
  const max = scaleTicks[scaleTicks.length - 1];
  const inner = Math.max(50, width - left - right);
  const x = (value) => left + value / max * inner;
  const bottom = top + ALLOCATORS.length * (height + gap);
  const chart = svg('svg', {
    width, height: bottom + 22, role: 'img',
    'aria-label': `${measure.long}, sums by allocator: `
      + ALLOCATORS.map((name, i) => `${name} ${totals[i]}`).join(', '),
  });
  for (const tick of scaleTicks) {
    chart.append(
      svg('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
      svg('text', { class: 'axis', x: x(tick), y: bottom + 14, 'text-anchor': 'middle' }, format(tick)));
  }
  ALLOCATORS.forEach((name, row) => {
    const y = top + row * (height + gap) + gap / 2;
    chart.append(svg('text', { x: left - 10, y: y + height / 2 + 4, 'text-anchor': 'end' }, name));
    let done = 0, rest = 0, others = 0, shade = 0;
    for (const { at } of order) {
      const value = measure.of(FUNCTIONS[at].allocators[name]);
      if (value === 0) continue;
      if (value / max * inner < 2) {
        rest += value;
        others += 1;
        continue;
      }
      const segment = barSegment(x(done), y, x(done + value) - x(done), height, name, [0.95, 0.72][shade++ % 2]);
      segment.dataset.at = at;
      segment.addEventListener('click', () => open(at));
      segment.addEventListener('pointerenter', () => twins(chart, at, true));
      segment.addEventListener('pointerleave', () => twins(chart, at, false));
      hint(segment, () => `${functionName(at)}\n${name}: ${format(value)} ${measure.name}`);
      chart.append(segment);
      const title = FUNCTIONS[at].name;
      if (x(done + value) - x(done) > 7 * title.length + 14) {
        chart.append(svg('text', { class: 'inside', x: x(done) + 7, y: y + height / 2 + 4 }, title));
      }
      done += value;
    }
    if (rest > 0) {
      const segment = barSegment(x(done), y, x(done + rest) - x(done), height, name, 0.4);
      segment.classList.remove('segment');
      hint(segment, () => `${others} other functions\n${name}: ${format(rest)} ${measure.name}`);
      chart.append(segment);
    }
    chart.append(svg('text', { x: x(totals[row]) + 8, y: y + height / 2 + 4 }, format(totals[row])));
  });
  return chart;
}

function barSegment(x, y, width, height, name, opacity) {
  const segment = svg('rect', { class: 'segment', x, y, width: Math.max(0.5, width - 1), height, rx: 2 });
  segment.style.fill = allocatorColour(name);
  segment.style.fillOpacity = opacity;
  return segment;
}

function twins(chart, at, on) {
  for (const twin of chart.querySelectorAll(`[data-at="${at}"]`)) twin.classList.toggle('twin', on);
}

// One dot for each function and allocator. The measure is on a scale of log(1 + value).
function scatterChart(measure, width, shown, open) {
  const left = 46, right = 14, top = 20, bottom = 36, height = 320;
  const peaks = FUNCTIONS.map((f) => f.peak_pressure);
  const xTicks = ticks(peaks.reduce((a, b) => Math.max(a, b), 1), Math.min(8, Math.max(2, Math.floor(width / 70))));
  const maxPeak = xTicks[xTicks.length - 1];
  const values = FUNCTIONS.flatMap((f) => ALLOCATORS.map((name) => measure.of(f.allocators[name])));
  const max = values.reduce((a, b) => Math.max(a, b), 1);
  const x = (value) => left + value / maxPeak * (width - left - right);
  const y = (value) => height - bottom - Math.log1p(value) / Math.log1p(max) * (height - top - bottom);
  const chart = svg('svg', {
    width, height, role: 'img',
    'aria-label': `${measure.long} of each function against its peak pressure; the table has the numbers`,
  });
  for (let tick = 0; tick <= max; tick = tick === 0 ? 1 : tick * 10) {
    chart.append(
      svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      svg('text', { class: 'axis', x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, format(tick)));
  }
  for (const tick of xTicks) {
    chart.append(svg('text', { class: 'axis', x: x(tick), y: height - bottom + 17, 'text-anchor': 'middle' }, format(tick)));
  }
  chart.append(svg('text', { class: 'axis', x: (left + width - right) / 2, y: height - 3, 'text-anchor': 'middle' }, 'peak pressure'));
  const k = REPORT.k;
  if (k <= maxPeak) {
    chart.append(
      svg('line', { class: 'grid', x1: x(k), x2: x(k), y1: top, y2: height - bottom, 'stroke-dasharray': '4 3' }),
      svg('text', { class: 'axis', x: x(k), y: top - 7, 'text-anchor': 'middle' }, `k = ${k}`));
  }
  ALLOCATORS.forEach((name, nth) => {
    if (!shown.has(name)) return;
    // Beside each other where they would cover each other.
    const offset = (nth - (ALLOCATORS.length - 1) / 2) * 2.5;
    FUNCTIONS.forEach((f, at) => {
      const value = measure.of(f.allocators[name]);
      const dot = svg('circle', { class: 'dot', cx: x(f.peak_pressure) + offset, cy: y(value), r: 3.2, 'fill-opacity': 0.65 });
      dot.style.fill = allocatorColour(name);
      dot.addEventListener('click', () => open(at));
      hint(dot, () => `${functionName(at)}\n${name}: ${format(value)} ${measure.name}, peak ${f.peak_pressure}`);
      chart.append(dot);
    });
  });
  return chart;
}

// Sums over all functions against the number of registers, one line for each allocator.
function curveChart(key, width, shown) {
  const left = 58, right = 14, top = 10, bottom = 36, height = 320;
  // The lower bound, which has no allocator, is one of cost.
  const points = DATA.curve.filter((point) => (point.allocator ? shown.has(point.allocator) : key === 'cost'));
  const ks = [...new Set(DATA.curve.map((point) => point.k))].sort((a, b) => a - b);
  const yTicks = ticks(points.reduce((max, point) => Math.max(max, point[key]), 1), 5);
  const max = yTicks[yTicks.length - 1];
  const span = Math.max(1, ks[ks.length - 1] - ks[0]);
  const x = (k) => left + 12 + (k - ks[0]) / span * (width - left - right - 24);
  const y = (value) => height - bottom - value / max * (height - top - bottom);
  const chart = svg('svg', { width, height, role: 'img', 'aria-label': `${key} against the number of registers` });
  for (const tick of yTicks) {
    chart.append(
      svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      svg('text', { class: 'axis', x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, format(tick)));
  }
  for (const k of ks) {
    chart.append(svg('text', { class: 'axis', x: x(k), y: height - bottom + 17, 'text-anchor': 'middle' }, String(k)));
  }
  chart.append(svg('text', { class: 'axis', x: (left + width - right) / 2, y: height - 3, 'text-anchor': 'middle' }, 'registers (k)'));
  for (const name of [null, ...ALLOCATORS]) {
    const own = points.filter((point) => point.allocator === name).sort((a, b) => a.k - b.k);
    const colour = name ? allocatorColour(name) : 'var(--muted)';
    const line = svg('polyline', {
      fill: 'none', 'stroke-width': 2, 'stroke-dasharray': name ? null : '5 4',
      points: own.map((p) => `${x(p.k)},${y(p[key])}`).join(' '),
    });
    line.style.stroke = colour;
    chart.append(line);
    for (const point of own) {
      const dot = svg('circle', { class: 'point', cx: x(point.k), cy: y(point[key]), r: 3.5 });
      dot.style.fill = colour;
      chart.append(hint(dot, () => `${name || 'lower bound'}, k = ${point.k}\n${format(point[key])} ${key}`));
    }
  }
  return chart;
}

// A button for each allocator that shows or hides it.
function allocatorToggles(shown, changed) {
  return el('div', { class: 'legend', role: 'group', 'aria-label': 'Allocators shown' }, ALLOCATORS.map((name) => {
    const button = el('button', { type: 'button', 'aria-pressed': String(shown.has(name)) }, swatch(allocatorColour(name)), ' ' + name);
    button.firstChild.style.display = 'inline-block';
    button.addEventListener('click', () => {
      if (!shown.delete(name)) shown.add(name);
      button.setAttribute('aria-pressed', String(shown.has(name)));
      changed();
    });
    return button;
  }));
}
