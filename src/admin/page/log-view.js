// What happened lately, newest first: states, members, reloads.

import { find, made, setChildren } from './dom.js';
import { clockTime, count } from './words.js';

/** @import { Happening } from './model.js' */

export class LogView {
  #list = find(document, '#log', HTMLOListElement);
  #empty = find(document, '#log-empty', HTMLParagraphElement);
  /** An entry never changes, so its element is kept. @type {Map<Happening, HTMLLIElement>} */
  #entries = new Map();

  /**
   * @param {readonly Happening[]} recent newest first
   * @param {number} now ms since 1970
   */
  show(recent, now) {
    const before = this.#entries;
    this.#entries = new Map(recent.map((each) => [each, before.get(each) ?? entry(each, now)]));
    setChildren(this.#list, [...this.#entries.values()]);
    this.#empty.hidden = recent.length > 0;
  }
}

/**
 * @param {Happening} happening
 * @param {number} now
 */
function entry(happening, now) {
  const { at, kind, is = '' } = happening;
  const item = document.createElement('li');
  item.dataset['is'] = is;
  const time = made('time', clockTime(Date.parse(at), now));
  time.dateTime = at;
  const words = made('span', '', 'what');
  words.append(...(kind === 'reload' ? reloadWords(happening) : upstreamWords(happening)));
  item.append(time, ' ', words);
  return item;
}

/** @param {Happening} happening */
function upstreamWords({ kind, pool, upstream, is, was, reason }) {
  const what = made('b', upstream ?? kind);
  const change = kind === 'state' ? `is ${is} (was ${was})` : kind === 'member' ? `has ${is}` : `${is ?? ''}`;
  const where = pool === undefined ? '' : kind === 'member' ? ` pool ${pool}` : ` in pool ${pool}`;
  return [what, ` ${change}${where}${reason === undefined ? '' : `: ${reason}`}`];
}

/** @param {Happening} happening */
function reloadWords({ is, by, generation, problems = [] }) {
  const what = made('b', is === 'good' ? 'reloaded' : 'reload failed');
  const whom = by === undefined ? '' : ` by ${by}`;
  if (is === 'good') return [what, `${whom}: generation ${generation}`];
  const [first = '', ...more] = problems;
  return [what, `${whom}: ${first}${more.length > 0 ? ` (and ${count(more.length)} more)` : ''}`];
}
