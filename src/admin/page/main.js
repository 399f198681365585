// The live page: hears what happens, and shows it at the next frame.

import { Dialog } from './dialog.js';
import { find, made, setAttribute, setChildren, setText } from './dom.js';
import { findings } from './findings.js';
import { LogView } from './log-view.js';
import { Model } from './model.js';
import { PoolView } from './pool-view.js';
import { listen } from './stream.js';
import { bytes, clockTime, count, duration, milliseconds, plural } from './words.js';

/** @import { SortKey, Wanted } from './rows.js' */

const model = new Model();
const dialog = new Dialog();
const log = new LogView();
/** @type {Map<number, PoolView>} */
const views = new Map();
const controls = {
  find: find(document, '#find', HTMLInputElement),
  state: find(document, '#state', HTMLSelectElement),
  sort: find(document, '#sort', HTMLSelectElement),
};
const link = find(document, '#link', HTMLElement);
const readiness = find(document, '#readiness', HTMLElement);
const pools = find(document, '#pools', HTMLElement);
const glance = find(document, '#glance', HTMLUListElement);
const facts = find(document, '#program', HTMLDListElement);

/** @type {string | undefined} */
let page;
let connected = false;
let asked = false;

/** What has come since the last frame is shown at once; while nobody looks, nothing is. */
function later() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    show();
  });
}

function show() {
  const { program, at } = model;
  if (program === undefined) return;
  setText(link, connected ? 'live' : `no connection since ${clockTime(at, at)}, trying again`);
  setAttribute(link, 'data-level', connected ? 'good' : 'bad');
  setAttribute(document.body, 'data-connected', String(connected));
  setText(find(document, '#version', HTMLElement), program.version);
  setText(readiness, program.stopping ? 'stopping' : program.ready ? 'ready' : 'not ready');
  setAttribute(readiness, 'data-level', program.ready ? 'good' : 'bad');
  showFacts();
  const found = findings(model);
  const items = found.map(({ level, text }, index) => {
    const item = glance.children[index] ?? document.createElement('li');
    setAttribute(item, 'data-level', level);
    setText(item, text);
    return item;
  });
  setChildren(glance, items);
  setText(document.querySelector('title') ?? document.body, titleText(found.filter(({ level }) => level === 'bad').length));
  showPools();
  log.show(model.recent, at);
}

function showPools() {
  for (const id of views.keys()) if (!model.pools.has(id)) views.delete(id);
  const wanted = /** @type {Wanted} */ ({ find: controls.find.value, state: controls.state.value, sort: controls.sort.value });
  const elements = [...model.pools.values()].map((pool) => {
    const view =
      views.get(pool.id) ?? new PoolView(pool.id, (verb, upstream) => dialog.ask(verb, pool.name, upstream), sortBy, later);
    views.set(pool.id, view);
    view.show(pool, model, wanted);
    return view.element;
  });
  setChildren(pools, elements);
}

function showFacts() {
  const { program, cpu } = model;
  if (program === undefined) return;
  const { process, active, listeners } = program;
  /** @type {[string, string | undefined][]} */
  const entries = [
    ['Runs for', duration(program.uptime_seconds * 1000)],
    ['Generation', count(program.generation)],
    ['Process', String(program.pid)],
    ['In service', plural(active, 'request')],
    ['Processor', cpu === undefined ? undefined : `${Math.round(cpu * 100)} %`],
    ['Memory', bytes(process.resident_bytes)],
    ['Open files', process.open_fds === null ? undefined : count(process.open_fds)],
    ['Loop delay p99', process.loop_delay_ms === null ? undefined : milliseconds(process.loop_delay_ms.p99)],
    ['Listens on', listeners.map(({ address, door }) => (door === 'admin' ? `${address} (admin)` : address)).join(', ')],
  ];
  const known = entries.filter(([, value]) => value !== undefined);
  const places = [...facts.children];
  setChildren(
    facts,
    known.map(([name, value], index) => {
      const place = places[index] ?? document.createElement('div');
      if (place.childElementCount === 0) place.append(made('dt', ''), made('dd', ''));
      const [term, description] = place.children;
      if (term !== undefined) setText(term, name);
      if (description !== undefined) setText(description, value ?? '');
      return place;
    }),
  );
}

/** @param {number} bad */
function titleText(bad) {
  return bad === 0 ? 'fcgi-lb' : `(${bad}) fcgi-lb`;
}

/** @param {SortKey} key */
function sortBy(key) {
  controls.sort.value = key;
  later();
}

for (const control of Object.values(controls)) control.addEventListener('input', later);
find(document, '#controls', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());

listen({
  page: (mark) => {
    // Another version serves by now, and speaks to its own page.
    if (page !== undefined && page !== mark && !dialog.open) location.reload();
    page ??= mark;
  },
  all: (message) => {
    connected = true;
    model.all(message);
    later();
  },
  changes: (message) => {
    model.changes(message);
    later();
  },
  events: (happenings) => {
    model.happened(happenings);
    later();
  },
  lost: () => {
    connected = false;
    if (model.program === undefined) setText(link, 'no connection, trying again');
    later();
  },
});
