'use strict';
(() => {
// All names come from the process that was looked at: they are put into the page as text, never as markup.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const make = (tag, text, properties) => Object.assign(document.createElement(tag), text === undefined ? {} : { textContent: text }, properties);

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];
function bytes(count) {
  let size = Math.abs(count), unit = -1;
  while (size >= 1024 && unit < UNITS.length - 1) { size /= 1024; unit++; }
  return (count < 0 ? '\u2212' : '') + (unit < 0 ? `${size} B` : `${size.toFixed(1)} ${UNITS[unit]}`);
}
const count = number => number.toLocaleString('en');
const signed = (number, show) => number === 0 ? '0' : (number > 0 ? '+' : '') + (number < 0 ? '\u2212' + show(-number) : show(number));
const tone = number => number > 0 ? 'more' : number < 0 ? 'less' : '';

// Verdict
$('title').textContent = document.title = data.title;
$('targets').textContent = data.targets.join(' \u2192 ');
for (const suspect of data.suspects) {
  const part = make('div', undefined, { className: 'suspect' });
  suspect.sentences.forEach(sentence => part.append(make('p', sentence)));
  $('sentences').append(part);
}
if (data.suspects.length === 0) {
  const verdict = data.targets.length === 1 ? 'One snapshot: what it holds, and who retains it.'
    : data.matched ? 'Nothing grew that looks like a leak.'
    : 'These are not of one process: they are compared by names.';
  $('sentences').append(make('p', verdict, { className: 'clear' }));
}
function total(value, label, sort) {
  const card = make('div', undefined, { className: 'total' });
  card.append(make('b', value, { className: sort || '' }), make('span', label));
  $('totals').append(card);
}
const growth = row => row.bytes_after - row.bytes_before;
total(bytes(data.total.bytes_after), `in ${count(data.total.count_after)} blocks`);
if (data.targets.length > 1) {
  total(signed(growth(data.total), bytes), 'since the first snapshot', tone(growth(data.total)));
  if (data.total.made) total(bytes(data.total.made.bytes), `made, in ${count(data.total.made.blocks)} blocks`);
  if (data.total.freed) total(bytes(data.total.freed.bytes), `freed, in ${count(data.total.freed.blocks)} blocks`);
  if (data.total.stayed) total(bytes(data.total.stayed.bytes), 'made before the second, there in the third');
}

// What grew
const several = data.targets.length > 1;
$('growth-title').textContent = several ? 'What grew' : 'What there is';
const COLUMNS = [
  { title: 'Name', of: row => row.name },
  { title: 'Growth', of: growth, show: bytes, signed: true, only: several },
  { title: 'Retained', of: row => row.retained_after - row.retained_before, show: bytes, signed: true, only: several, wide: true },
  { title: 'Bytes', of: row => row.bytes_after, show: bytes },
  { title: 'Retained', of: row => row.retained_after, show: bytes, only: !several },
  { title: 'Blocks', of: row => row.count_after, show: count, wide: several },
  { title: 'More', of: row => row.count_after - row.count_before, show: count, signed: true, only: several, wide: true },
  { title: 'Freed', of: row => row.freed ? row.freed.blocks : 0, show: count, only: several && data.matched, wide: true },
  { title: 'Stayed', of: row => row.stayed ? row.stayed.blocks : 0, show: count, only: Boolean(data.total.stayed) },
].filter(column => column.only !== false);
const FEW = 15;
const view = { table: 'types', sort: several ? 1 : 1, down: true, all: false };
function tabs(place, names, chosen, choose) {
  const buttons = Object.entries(names).map(([key, name]) => {
    const button = make('button', name, { type: 'button' });
    button.onclick = () => { show(key); choose(key); };
    return [key, button];
  });
  const show = key => buttons.forEach(([other, button]) => button.setAttribute('aria-pressed', other === key));
  show(chosen);
  $(place).append(...buttons.map(([, button]) => button));
}
function table() {
  const words = $('filter').value.toLowerCase();
  const { of } = COLUMNS[view.sort];
  const order = (one, other) => (of(one) < of(other) ? -1 : of(one) > of(other) ? 1 : 0) * (view.down ? -1 : 1);
  const rows = data[view.table].filter(row => row.name.toLowerCase().includes(words)).sort(order);
  const head = make('tr');
  COLUMNS.forEach((column, place) => {
    const cell = make('th', undefined, { className: column.wide ? 'wide' : '', scope: 'col' });
    const button = make('button', column.title, { type: 'button' });
    button.onclick = () => { view.down = view.sort === place ? !view.down : place > 0; view.sort = place; table(); };
    if (place === view.sort) cell.setAttribute('aria-sort', view.down ? 'descending' : 'ascending');
    cell.append(button);
    head.append(cell);
  });
  const shown = view.all ? rows : rows.slice(0, FEW);
  const body = make('tbody');
  for (const row of shown) {
    const line = make('tr');
    for (const column of COLUMNS) {
      const value = column.of(row);
      const text = !column.show ? value : column.signed ? signed(value, column.show) : column.show(value);
      line.append(make('td', text, { className: [column.show ? '' : 'name', column.signed ? tone(value) : '', column.wide ? 'wide' : ''].join(' ').trim() }));
    }
    body.append(line);
  }
  const top = make('thead');
  top.append(head);
  $('table').replaceChildren(top, body);
  $('more').hidden = rows.length <= FEW;
  $('more').textContent = view.all ? 'Fewer' : `All ${rows.length}`;
}
tabs('tables', { types: 'Types', sites: 'Calls', owners: 'Holders' }, 'types', key => { view.table = key; table(); });
$('filter').oninput = table;
$('more').onclick = () => { view.all = !view.all; table(); };
table();

// Who retains: rows are a tree by their depth
const top = { what: 'everything', retained: 0, blocks: 0, below: [] };
const path = [top];
for (const row of data.retainers) {
  const node = { ...row, below: [] };
  path.length = row.depth + 1;
  path[row.depth].below.push(node);
  path.push(node);
  if (row.depth === 0) { top.retained += row.retained; top.blocks += row.blocks; }
}
const HUES = [205, 150, 35, 275, 330, 95, 15, 180];
function squares(items, x, y, width, height, put) {
  // Bruls, Huizing, van Wijk: Squarified Treemaps.
  const whole = items.reduce((sum, item) => sum + item.size, 0);
  if (!items.length || !whole) return;
  const scale = width * height / whole;
  let row = [], rest = items.slice();
  const worst = list => {
    const area = list.reduce((sum, item) => sum + item.size, 0) * scale, side = Math.min(width, height);
    const sizes = list.map(item => item.size * scale);
    return Math.max(side * side * Math.max(...sizes) / (area * area), area * area / (side * side * Math.min(...sizes)));
  };
  while (rest.length && (!row.length || worst([...row, rest[0]]) <= worst(row))) row.push(rest.shift());
  const area = row.reduce((sum, item) => sum + item.size, 0) * scale;
  let at = 0;
  if (width >= height) {
    const across = area / height;
    for (const item of row) { const long = item.size * scale / across; put(item, x, y + at, across, long); at += long; }
    squares(rest, x + across, y, width - across, height, put);
  } else {
    const across = area / width;
    for (const item of row) { const long = item.size * scale / across; put(item, x + at, y, long, across); at += long; }
    squares(rest, x, y + across, width, height - across, put);
  }
}
let inside = [top];
// A chain of which each retains all of the next is of no interest in the middle.
while (inside.at(-1).below.length === 1) inside.push(inside.at(-1).below[0]);
function treemap() {
  const node = inside.at(-1), place = $('treemap');
  $('crumbs').replaceChildren(...inside.map((step, depth) => {
    const button = make('button', `${step.what} \u00b7 ${bytes(step.retained)}`, { type: 'button' });
    button.onclick = () => { inside = inside.slice(0, depth + 1); treemap(); };
    return button;
  }));
  const told = node.below.reduce((sum, below) => sum + below.retained, 0);
  const items = node.below.map((below, number) => ({ size: below.retained, node: below, hue: HUES[number % HUES.length] }));
  if (node.retained > told) items.push({ size: node.retained - told, hue: null });
  items.sort((one, other) => other.size - one.size);
  place.replaceChildren();
  squares(items.filter(item => item.size > 0), 0, 0, place.clientWidth, place.clientHeight, (item, x, y, width, height) => {
    const name = item.node ? item.node.what : node.below.length ? 'the rest' : node.what;
    const isReadable = width > 44 && height > 32;
    const cell = make('button', isReadable ? `${name}\n${bytes(item.size)}` : '', { type: 'button', className: 'cell', title: `${name}: ${bytes(item.size)}` });
    cell.style.cssText = `left:${x}px;top:${y}px;width:${width}px;height:${height}px;white-space:pre-wrap;background:${item.hue === null ? '#c3ccd5' : `hsl(${item.hue} 55% 76%)`}`;
    if (item.node && item.node.below.length) cell.onclick = () => { inside.push(item.node); treemap(); };
    else cell.classList.add('leaf');
    place.append(cell);
  });
}
treemap();

// Flame graph: the widest of both snapshots, coloured by what is more or less
function trie(stacks) {
  const root = { name: 'all', before: 0, after: 0, below: new Map() };
  for (const [frames, before, after] of stacks) {
    let node = root;
    node.before += before; node.after += after;
    for (const frame of frames) {
      if (!node.below.has(frame)) node.below.set(frame, { name: frame, before: 0, after: 0, below: new Map(), above: node });
      node = node.below.get(frame);
      node.before += before; node.after += after;
    }
  }
  return root;
}
const width = node => Math.max(node.before, node.after);
const flames = { sites: trie(data.stacks_by_site), owners: trie(data.stacks_by_owner) };
let flame = 'sites', focus = flames.sites;
function color(node) {
  if (!several) { let hash = 0; for (const letter of node.name) hash = hash * 31 + letter.charCodeAt(0) | 0; return `hsl(${20 + Math.abs(hash) % 35} 85% 72%)`; }
  const change = (node.after - node.before) / Math.max(width(node), 1);
  return change === 0 ? '#e8ecf0' : `hsl(${change > 0 ? 4 : 212} 85% ${90 - 32 * Math.min(1, Math.abs(change))}%)`;
}
function describe(node) {
  const both = several ? `${bytes(node.before)} \u2192 ${bytes(node.after)} (${signed(node.after - node.before, bytes)})` : bytes(node.after);
  return `${node.name}: ${both}`;
}
function flameGraph() {
  const place = $('boxes'), full = place.clientWidth, HEIGHT = 22;
  place.replaceChildren();
  let deepest = 0;
  const above = [];
  for (let node = focus.above; node; node = node.above) above.unshift(node);
  const put = (node, x, wide, depth) => {
    if (wide < 1.5) return;
    deepest = Math.max(deepest, depth);
    const box = make('button', wide > 30 ? node.name : '', { type: 'button', className: 'box', title: describe(node) });
    box.style.cssText = `left:${x}px;top:${depth * HEIGHT}px;width:${wide}px;background:${color(node)}`;
    box.onclick = () => { focus = node; flameGraph(); };
    box.onmouseenter = box.onfocus = () => { $('detail').textContent = describe(node); };
    place.append(box);
    if (above.includes(node)) return;
    // Widths below a box may add up to more than it has, where one grew and another shrank.
    const below = [...node.below.values()].sort((one, other) => width(other) - width(one));
    const whole = Math.max(width(node), below.reduce((sum, child) => sum + width(child), 0), 1);
    for (const child of below) { const part = wide * width(child) / whole; put(child, x, part, depth + 1); x += part; }
  };
  above.forEach((node, depth) => put(node, 0, full, depth));
  put(focus, 0, full, above.length);
  place.style.height = `${(deepest + 1) * HEIGHT}px`;
  $('detail').textContent = describe(focus);
}
$('legend').textContent = (several ? 'Red grew, blue shrank, grey stayed. ' : '') + 'Tap a box to look into it, the first one to go back.';
tabs('stacks', { sites: 'By call', owners: 'By holder' }, flame, key => { focus = flames[flame = key]; flameGraph(); });
flameGraph();

// About
const { typed, all } = data.coverage, share = all ? 100 * typed / all : 0;
const meter = make('div', undefined, { className: 'meter' }), filled = make('i');
filled.style.width = `${share}%`;
meter.append(filled);
$('coverage').append(make('p', `The type of ${share.toFixed(1)} % of all bytes is known, ${bytes(typed)} of ${bytes(all)}.`), meter);
const list = make('dl');
for (const [term, text] of data.provenance) list.append(make('dt', term), make('dd', text, { className: 'name' }));
$('provenance').append(list);
let timer;
addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(() => { treemap(); flameGraph(); }, 100); });
})();
