// Code of one function, before allocation and as two allocators have it.
'use strict';

const KINDS = ['plain', 'store', 'reload', 'move', 'remat', 'reload', 'dropped'];

function codeSection(view, moved) {
  const source = el('div', { class: 'pane' });
  const sourceBody = listing(view, 'Code before allocation');
  const showSource = (id) => {
    view.source = id;
    fillSource(view, sourceBody);
    selectInst(view, view.selected, null);
  };
  source.append(el('header', {}, buttons('Before allocation', [['clif', 'CLIF'], ['vcode', 'VCode']], 'clif', showSource),
    el('span', { class: 'muted' }, 'before allocation')), sourceBody);
  fillSource(view, sourceBody);
  const panes = ['left', 'right'].map((side) => {
    const body = listing(view, '');
    const count = el('span', { class: 'muted' });
    const show = (name) => {
      view[side] = name;
      body.setAttribute('aria-label', `Code allocated by ${name}`);
      body.dataset.allocator = name;
      fillAllocated(view, body, name);
      const f = FUNCTIONS[view.at].allocators[name].final;
      count.textContent = `${format(f.spill_stores)} stores, ${format(f.reloads)} reloads, ${format(f.moves)} moves`
        + (f.remats ? `, ${format(f.remats)} remats` : '');
      selectInst(view, view.selected, null);
    };
    const header = el('header', {}, choice(`Allocator on the ${side}`, ALLOCATORS.map((name) => [name, name]), view[side], (name) => {
      show(name);
      moved(view.left, view.right);
    }, true), count);
    view[side + 'Body'] = body;
    return [el('div', { class: 'pane', id: `pane-${side}` }, header, body), show];
  });
  view.sourceBody = sourceBody;
  panes.forEach(([, show], i) => show(i === 0 ? view.left : view.right));
  return el('section', { 'aria-labelledby': 'code-title' },
    el('div', { class: 'heading' },
      el('div', {}, el('h2', { id: 'code-title' }, 'Code'),
        el('p', {}, 'As emitted, before prologue and narrowing. Arrow keys step through the instructions.')),
      el('span', { class: 'spacer' }),
      el('div', { class: 'legend' }, ['store', 'reload', 'move', 'remat'].map((kind) =>
        el('span', {}, swatch(`var(--${kind})`), { store: 'spill store', reload: 'reload', move: 'move', remat: 'computed again' }[kind])))),
    el('div', { class: 'panes' }, source, panes.map(([pane]) => pane)));
}

function listing(view, label) {
  return el('div', {
    class: 'listing', tabindex: 0, role: 'listbox', 'aria-label': label,
    onkeydown: (event) => stepKey(view, event, { ArrowUp: -1, ArrowDown: 1, PageUp: -20, PageDown: 20 }, event.currentTarget),
    onclick: (event) => {
      const line = event.target.closest('[data-inst]');
      if (line) view.select(Number(line.dataset.inst), event.currentTarget);
    },
  });
}

function fillSource(view, body) {
  const { data } = view;
  body.dataset.source = view.source;
  if (view.source === 'vcode') {
    body.replaceChildren(...withBlocks(view, data.insts.map((text, inst) => ({ inst, isInst: true, kind: 0, text: data.texts[text], value: -1 }))));
    return;
  }
  // A CLIF line says where in the wasm file it comes from; the first instruction from there is its.
  const byLoc = new Map();
  data.locs.forEach((loc, inst) => { if (loc !== null && !byLoc.has(loc)) byLoc.set(loc, inst); });
  const hasLocs = /^@[0-9a-f]+ /m.test(data.clif);
  body.replaceChildren(...data.clif.replace(/\n$/, '').split('\n').map((text) => clifLine(text, byLoc, hasLocs)));
}

// With places in the wasm file CLIF is indented far; they stand in the margin here.
function clifLine(text, byLoc, hasLocs) {
  const [, at, spaces, rest] = /^(?:@([0-9a-f]+))?( *)(.*)$/.exec(text);
  const loc = at === undefined ? null : parseInt(at, 16);
  const indent = !hasLocs || spaces.length < 8 && !at ? spaces : rest.startsWith('block') ? '' : '    ';
  return el('div', { role: 'option', class: byLoc.has(loc) ? 'plain' : null, 'data-loc': loc, 'data-inst': byLoc.get(loc) },
    hasLocs ? el('span', { class: 'n loc' }, at || '') : null, el('span', {}, indent + rest));
}

function fillAllocated(view, body, name) {
  body.replaceChildren(...withBlocks(view, view.data.allocators[name].lines));
}

// Lines of code with a header in front of each block and its successors behind it.
function withBlocks(view, lines) {
  const { blocks } = view.data;
  const list = (vregs) => vregs.map(vregName).join(', ');
  const out = [];
  let block = 0;
  lines.forEach((line, i) => {
    const startsInst = i === 0 || lines[i - 1].isInst;
    if (startsInst && block < blocks.length && line.inst === blocks[block][0]) {
      const [, depth, params] = blocks[block];
      out.push(el('div', { class: 'head', role: 'presentation' }, `block${block}(${list(params)})` + (depth ? `   loop depth ${depth}` : '')));
      block += 1;
    }
    out.push(codeLine(line));
    const last = block < blocks.length ? blocks[block][0] : view.data.insts.length;
    if (line.isInst && line.inst === last - 1) {
      for (const [succ, args] of blocks[block - 1][3]) {
        out.push(el('div', { class: 'note', role: 'presentation' }, el('span', { class: 'n' }), `→ block${succ}(${list(args)})`));
      }
    }
  });
  return out;
}

function codeLine(line) {
  const kind = KINDS[line.kind];
  return el('div', { role: 'option', class: kind === 'plain' ? 'plain' : `${kind} plain`, 'data-inst': line.inst, 'data-kind': line.isInst ? null : kind },
    el('span', { class: 'n' }, line.isInst ? String(line.inst) : ''),
    el('span', { class: 'tag' }, kind === 'plain' ? '' : kind),
    el('span', {}, line.text),
    line.value >= 0 ? el('span', { class: 'note' }, vregName(line.value)) : null);
}
