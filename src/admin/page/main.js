// The live page: takes the messages of the stream, and shows them at the next frame.

import { Dialog } from './dialog.js';
import { find, setAttribute, setChildren, setText } from './dom.js';
import { findings } from './findings.js';
import { Header } from './header.js';
import { LogView } from './log-view.js';
import { Model } from './model.js';
import { PoolView } from './pool-view.js';
import { listen } from './stream.js';

/** @import { Finding } from './findings.js' */
/** @import { SortKey, Wanted } from './rows.js' */

class Page {
  #model = new Model();
  #dialog = new Dialog();
  #header = new Header();
  #log = new LogView();
  /** @type {Map<number, PoolView>} */
  #views = new Map();
  #controls = {
    find: find(document, '#find', HTMLInputElement),
    state: find(document, '#state', HTMLSelectElement),
    sort: find(document, '#sort', HTMLSelectElement),
  };
  #title = find(document, 'title', HTMLTitleElement);
  #pools = find(document, '#pools', HTMLElement);
  #glance = find(document, '#glance', HTMLUListElement);
  /** Which page the program has. @type {string | undefined} */
  #mark;
  #connected = false;
  #asked = false;

  start() {
    for (const control of Object.values(this.#controls)) control.addEventListener('input', () => this.#later());
    find(document, '#controls', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
    listen({
      page: (mark) => {
        // Another version serves by now, with a page of its own.
        if (this.#mark !== undefined && this.#mark !== mark && !this.#dialog.open) location.reload();
        this.#mark ??= mark;
      },
      all: (message) => {
        this.#connected = true;
        this.#model.all(message);
        this.#later();
      },
      changes: (message) => {
        this.#model.changes(message);
        this.#later();
      },
      events: (happenings) => {
        this.#model.happened(happenings);
        this.#later();
      },
      lost: () => {
        this.#connected = false;
        if (this.#model.program === undefined) this.#header.unheard();
        this.#later();
      },
    });
  }

  /** Messages until the next frame are shown together; a hidden page has no frames. */
  #later() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#show();
    });
  }

  #show() {
    const { program, recent, at } = this.#model;
    if (program === undefined) return;
    this.#header.show(program, this.#model, this.#connected);
    this.#showFindings(findings(this.#model));
    this.#showPools();
    this.#log.show(recent, at);
  }

  /** @param {readonly Finding[]} found */
  #showFindings(found) {
    const items = found.map(({ level, text }, index) => {
      const item = this.#glance.children[index] ?? document.createElement('li');
      setAttribute(item, 'data-level', level);
      setText(item, text);
      return item;
    });
    setChildren(this.#glance, items);
    const bad = found.filter(({ level }) => level === 'bad').length;
    setText(this.#title, bad === 0 ? 'fcgi-lb' : `(${bad}) fcgi-lb`);
  }

  #showPools() {
    const { find: sought, state, sort } = this.#controls;
    const wanted = /** @type {Wanted} */ ({ find: sought.value, state: state.value, sort: sort.value });
    const before = this.#views;
    this.#views = new Map();
    for (const pool of this.#model.pools.values()) {
      const view =
        before.get(pool.id) ??
        new PoolView(
          pool.id,
          (verb, upstream) => this.#dialog.ask(verb, pool.name, upstream),
          (key) => this.#sortBy(key),
          () => this.#later(),
        );
      this.#views.set(pool.id, view);
      view.show(pool, this.#model, wanted);
    }
    for (const [id, view] of before) if (!this.#views.has(id)) view.end();
    setChildren(
      this.#pools,
      [...this.#views.values()].map(({ element }) => element),
    );
  }

  /** @param {SortKey} key */
  #sortBy(key) {
    this.#controls.sort.value = key;
    this.#later();
  }
}

new Page().start();
