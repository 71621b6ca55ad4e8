// The table of functions and allocators: sorted, searched, the best marked.
'use strict';

// More rows than this are added on request.
const FIRST_ROWS = 1500;

const FUNCTION_COLUMNS = [
  { id: 'name', name: 'function', text: true, value: (row) => functionName(row.at) },
  { id: 'peak', name: 'peak', value: (row) => FUNCTIONS[row.at].peak_pressure },
  { id: 'excess', name: 'excess', value: (row) => FUNCTIONS[row.at].excess },
  { id: 'bound', name: 'bound', title: 'no cost is below it', value: (row) => FUNCTIONS[row.at].lower_bound },
  { id: 'regret', name: 'regret', title: `what ${ALLOCATORS[0]} costs more than the best`, value: (row) => FUNCTIONS[row.at].regret },
];
if (FUNCTIONS.some((f) => f.optimum)) {
  FUNCTION_COLUMNS.push({ id: 'optimum', name: 'optimum', title: 'the least cost of this order of instructions, as far as it is known', value: (row) => FUNCTIONS[row.at].optimum.cost });
}

// Smallest value of a measure for a function, or null where all allocators agree.
function bestOf(at, measure) {
  const values = ALLOCATORS.map((name) => measure.of(FUNCTIONS[at].allocators[name]));
  const best = Math.min(...values);
  return values.some((value) => value !== best) ? best : null;
}

// `rows`: a row for each function with one measure of all allocators, or a row for each function
// and allocator with all measures.
function tableColumns(rows, measure) {
  if (rows === 'functions') {
    return FUNCTION_COLUMNS.concat(ALLOCATORS.map((name) => ({
      id: name, name, measure, allocator: () => name,
      value: (row) => measure.of(FUNCTIONS[row.at].allocators[name]),
    })));
  }
  return FUNCTION_COLUMNS.concat([{ id: 'allocator', name: 'allocator', text: true, value: (row) => row.allocator }],
    MEASURES.filter((m) => m.id !== 'spills').map((m) => ({
      id: m.id, name: m.name, measure: m, allocator: (row) => row.allocator,
      value: (row) => m.of(FUNCTIONS[row.at].allocators[row.allocator]),
    })));
}

function tableRows(rows) {
  const all = FUNCTIONS.map((_, at) => at);
  if (rows === 'functions') return all.map((at) => ({ at }));
  return all.flatMap((at) => ALLOCATORS.map((allocator) => ({ at, allocator })));
}

// Draws the table into `place` as `state` asks: rows, measure, search, sort, descending.
function drawTable(place, state, changed) {
  const columns = tableColumns(state.rows, state.measure);
  const sort = columns.find((column) => column.id === state.sort) || columns[0];
  const search = state.search.trim().toLowerCase();
  const rows = tableRows(state.rows)
    .filter((row) => functionName(row.at).toLowerCase().includes(search)
      || (row.allocator || '').includes(search));
  const keyed = rows.map((row) => ({ row, key: sort.value(row) }));
  const direction = state.descending ? -1 : 1;
  // Equal keys stay in the report's order.
  keyed.sort((a, b) => direction * (sort.text ? compareText(a.key, b.key) : a.key - b.key));

  const body = el('tbody');
  const show = (count) => {
    const best = new Map();
    body.replaceChildren(...keyed.slice(0, count).map(({ row }) => tableRow(row, columns, best)));
  };
  show(FIRST_ROWS);
  const header = columns.map((column) => el('th', {
    scope: 'col',
    class: column.text ? 'name' : null,
    'aria-sort': column !== sort ? 'none' : state.descending ? 'descending' : 'ascending',
  }, el('button', {
    type: 'button',
    'data-sort': column.id,
    title: column.title || (column.measure && column.measure.long),
    onclick: () => {
      state.descending = column === sort ? !state.descending : !column.text;
      state.sort = column.id;
      changed();
    },
  }, column.name)));
  const table = el('table', { id: 'functions' },
    el('caption', { class: 'visually-hidden' }, 'Functions by allocator'),
    el('thead', {}, el('tr', {}, header)), body);
  if (state.rows === 'functions' && rows.length > 1) table.append(totalsRow(columns, rows));
  const scroll = el('div', { class: 'scroll tall', tabindex: 0, role: 'region', 'aria-label': 'Table of functions' }, table);
  const parts = [scroll];
  if (rows.length === 0) scroll.append(el('p', { class: 'empty' }, 'No function has that name.'));
  if (rows.length > FIRST_ROWS) {
    const more = el('button', { type: 'button', class: 'more', onclick: () => {
      show(rows.length);
      more.remove();
    } }, `Show all ${format(rows.length)} rows`);
    parts.push(more);
  }
  place.replaceChildren(...parts);
  return rows.length;
}

function compareText(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tableRow(row, columns, best) {
  return el('tr', {}, columns.map((column) => {
    const value = column.value(row);
    if (column.id === 'name') {
      return el('th', { scope: 'row', class: 'name', title: value }, el('a', { href: `#f${row.at}` }, value));
    }
    if (column.id === 'allocator') {
      const key = el('span', { class: 'key' });
      key.style.background = allocatorColour(value);
      return el('td', { class: 'name' }, key, value);
    }
    if (column.measure) return measureCell(row.at, column.measure, value, best);
    return el('td', { class: column.id === 'excess' && value > 0 ? 'over' : null }, format(value));
  }));
}

function measureCell(at, measure, value, best) {
  const key = at + measure.id;
  if (!best.has(key)) best.set(key, bestOf(at, measure));
  const isBest = value === best.get(key);
  return el('td', { class: isBest ? 'best' : null }, format(value),
    isBest ? el('span', { class: 'visually-hidden' }, ' best') : null);
}

function totalsRow(columns, rows) {
  return el('tfoot', {}, el('tr', {}, columns.map((column) => {
    if (column.id === 'name') return el('th', { scope: 'row', class: 'name' }, `sum of ${format(rows.length)}`);
    if (!column.measure && !['bound', 'regret', 'optimum'].includes(column.id)) return el('td');
    return el('td', {}, format(rows.reduce((sum, row) => sum + column.value(row), 0)));
  })));
}
