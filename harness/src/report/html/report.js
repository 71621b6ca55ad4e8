// The page: its frame, the overview, and which view is shown.
'use strict';

const OVERVIEW = {
  measure: MEASURES[0], shown: new Set(ALLOCATORS), rows: 'functions', search: '', sort: 'regret', descending: true, scroll: 0,
};
// The two allocators whose code stands side by side; none for the best of the function.
const SIDES = { left: ALLOCATORS[0], right: null };

// What stands beside the left allocator if nobody chose: the best, or the next.
function rival(at) {
  const others = ALLOCATORS.filter((name) => name !== SIDES.left);
  return FUNCTIONS[at].best.find((name) => name !== SIDES.left) || others[0] || SIDES.left;
}

function open(at) {
  location.hash = `f${at}`;
}

function overview() {
  const state = OVERVIEW;
  const count = FUNCTIONS.length;
  const fit = FUNCTIONS.filter((f) => f.excess <= 0).length;
  const bars = el('div'), scatter = el('div'), table = el('div'), found = el('span', { class: 'muted', 'aria-live': 'polite' });
  const barsTitle = el('h2'), scatterTitle = el('h2');
  const drawBars = (width) => barChart(state.measure, width, open);
  const drawScatter = (width) => scatterChart(state.measure, width, state.shown, open);
  const redraw = (place, draw) => { if (place.clientWidth) place.replaceChildren(draw(place.clientWidth)); };
  const showTable = (focus) => {
    const rows = drawTable(table, state, () => showTable(true));
    found.textContent = rows === 1 ? '1 row' : `${format(rows)} rows`;
    if (focus === true) table.querySelector(`[data-sort="${state.sort}"]`)?.focus();
  };
  const showMeasure = () => {
    barsTitle.textContent = `${capital(state.measure.name)} by allocator`;
    scatterTitle.textContent = `${capital(state.measure.name)} by peak pressure`;
    redraw(bars, drawBars);
    redraw(scatter, drawScatter);
    showTable();
  };

  const cards = [
    el('section', { class: 'card' }, barsTitle, el('p', {}, 'Each segment is a function; click one to see its code.'), drawn(bars, drawBars)),
    el('section', { class: 'card' }, scatterTitle, el('p', {}, 'Each dot is a function, on a logarithmic scale.'), drawn(scatter, drawScatter),
      allocatorToggles(state.shown, () => redraw(scatter, drawScatter))),
  ];
  if (DATA.curve.length > 0) cards.push(curveCard());
  const measures = choice('Compare', MEASURES.map((m) => [m.id, m.long]), state.measure.id, (id) => {
    state.measure = MEASURES.find((m) => m.id === id);
    showMeasure();
  });
  const search = el('input', {
    type: 'search', id: 'search', placeholder: 'name', spellcheck: 'false', autocomplete: 'off',
    oninput: (event) => {
      state.search = event.target.value;
      showTable();
    },
  });
  search.value = state.search;
  const rows = buttons('Rows', [['functions', 'Side by side'], ['all', 'All figures']], state.rows, (id) => {
    state.rows = id;
    showTable();
  });
  showMeasure();
  return el('div', { class: 'stack' },
    el('div', { class: 'heading' },
      el('div', {}, el('h1', {}, 'Register allocation compared'),
        el('p', {}, `${format(count)} functions, ${fit} of which fit the registers without a spill; ${ALLOCATORS.length} allocators`)),
      el('span', { class: 'spacer' }), el('div', { class: 'controls' }, measures, stageChoice(showMeasure))),
    el('div', { class: 'cards' }, cards),
    el('section', { 'aria-labelledby': 'table-title' },
      el('div', { class: 'heading' },
        el('div', {}, el('h2', { id: 'table-title' }, 'Functions'),
          el('p', {}, 'The best of each function is marked where allocators differ.')),
        el('span', { class: 'spacer' }),
        el('div', { class: 'controls' }, found, rows, el('label', {}, 'Search', search))),
      table));
}

function curveCard() {
  const shown = OVERVIEW.shown;
  let key = 'cost';
  const place = el('div');
  const draw = (width) => curveChart(key, width, shown);
  return el('section', { class: 'card', id: 'curves' }, el('h2', {}, 'Against the number of registers'),
    el('p', {}, 'Sums over all functions, as each allocator answers. Dashed: the lower bound of cost.'), drawn(place, draw),
    el('div', { class: 'legend' }, ALLOCATORS.map((name) => el('span', {}, swatch(allocatorColour(name)), name)),
      el('span', { class: 'spacer' }),
      buttons('Measure', [['cost', 'cost'], ['spills', 'spills']], key, (id) => {
        key = id;
        place.replaceChildren(draw(place.clientWidth));
      })));
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

// `#f12/ion/greedy` is a function with two allocators; anything else the overview.
function route() {
  const main = document.getElementById('main');
  const found = /^#f(\d+)(?:\/(\w+)\/(\w+))?$/.exec(location.hash);
  const at = found ? Number(found[1]) : -1;
  hideHint();
  if (FUNCTIONS[at] && document.getElementById(`function-${at}`)) {
    if (ALLOCATORS.includes(found[2])) SIDES.left = found[2];
    if (ALLOCATORS.includes(found[3])) SIDES.right = found[3];
    if (main.dataset.view === 'overview') OVERVIEW.scroll = scrollY;
    main.dataset.view = 'function';
    main.replaceChildren(functionView(at, { left: SIDES.left, right: SIDES.right || rival(at) }, (left, right) => {
      SIDES.left = left;
      SIDES.right = right;
      history.replaceState(null, '', `#f${at}/${left}/${right}`);
    }));
    document.title = `${functionName(at)} · windlass`;
    scrollTo(0, 0);
  } else {
    const returns = main.dataset.view === 'function';
    main.dataset.view = 'overview';
    main.replaceChildren(overview());
    document.title = 'Register allocation compared · windlass';
    scrollTo(0, returns ? OVERVIEW.scroll : 0);
  }
  main.focus({ preventScroll: true });
}

function frame() {
  const root = document.documentElement;
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const theme = el('button', { type: 'button', id: 'theme', onclick: () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    label();
  } });
  const label = () => { theme.textContent = dark() ? 'Light' : 'Dark'; theme.setAttribute('aria-label', `Switch to ${dark() ? 'light' : 'dark'} colours`); };
  label();
  document.body.prepend(
    el('div', { class: 'bar', role: 'banner' }, el('a', { class: 'brand', href: '#' }, 'windlass'),
      el('span', { class: 'target' }, `${REPORT.target} · ${REPORT.cpu} · ${REPORT.reg_env}`), el('span', { class: 'spacer' }), theme),
    el('main', { id: 'main', tabindex: -1 }));
  document.body.append(el('div', { id: 'tip', role: 'tooltip', hidden: '' }));
}

frame();
addEventListener('hashchange', route);
route();
