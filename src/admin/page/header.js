// The head of the page: version, readiness, the connection, and how the program's process is.

import { find, made, setAttribute, setChildren, setText } from './dom.js';
import { bytes, clockTime, count, duration, milliseconds, plural } from './words.js';

/** @import { Model, Program } from './model.js' */

export class Header {
  #link = find(document, '#link', HTMLElement);
  #readiness = find(document, '#readiness', HTMLElement);
  #version = find(document, '#version', HTMLElement);
  #facts = find(document, '#program', HTMLDListElement);

  /**
   * @param {Program} program
   * @param {Model} model
   * @param {boolean} connected
   */
  show(program, { at, cpu }, connected) {
    setText(this.#link, connected ? 'live' : `no connection since ${clockTime(at, at)}, trying again`);
    setAttribute(this.#link, 'data-level', connected ? 'good' : 'bad');
    setAttribute(document.body, 'data-connected', String(connected));
    setText(this.#version, program.version);
    setText(this.#readiness, program.stopping ? 'stopping' : program.ready ? 'ready' : 'not ready');
    setAttribute(this.#readiness, 'data-level', program.ready ? 'good' : 'bad');
    const places = [...this.#facts.children];
    const entries = entriesOf(program, cpu).map(([name, value], index) => {
      const place = places[index] ?? document.createElement('div');
      if (place.childElementCount === 0) place.append(made('dt', ''), made('dd', ''));
      const [term, description] = place.children;
      if (term !== undefined) setText(term, name);
      if (description !== undefined) setText(description, value);
      return place;
    });
    setChildren(this.#facts, entries);
  }

  /** No message has come yet. */
  unheard() {
    setText(this.#link, 'no connection, trying again');
    setAttribute(this.#link, 'data-level', 'bad');
  }
}

/**
 * @param {Program} program
 * @param {number | undefined} cpu
 * @returns {[string, string][]}
 */
function entriesOf({ uptime_seconds, generation, pid, active, process, listeners }, cpu) {
  const { resident_bytes, open_fds, loop_delay_ms } = process;
  return [
    ['Runs for', duration(uptime_seconds * 1000)],
    ['Generation', count(generation)],
    ['Process', String(pid)],
    ['In service', plural(active, 'request')],
    ['Processor', cpu === undefined ? '' : `${Math.round(cpu * 100)} %`],
    ['Memory', bytes(resident_bytes)],
    ['Open files', open_fds === null ? '' : count(open_fds)],
    ['Loop delay p99', loop_delay_ms === null ? '' : milliseconds(loop_delay_ms.p99)],
    ['Listens on', listeners.map(({ address, door }) => (door === 'admin' ? `${address} (admin)` : address)).join(', ')],
  ].flatMap(([name = '', value = '']) => (value === '' ? [] : [[name, value]]));
}
