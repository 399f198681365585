// One pool on the page: what it is, three plots, and the table of its upstreams.

import { copyOf, find, setAttribute, setChildren, setText } from './dom.js';
import { slowOnes } from './findings.js';
import { Plot } from './plot.js';
import { chosen, Row } from './rows.js';
import { count, decimal, milliseconds, NOTHING, plural } from './words.js';

/** @import { Model, Pool, Upstream } from './model.js' */
/** @import { Act, SortKey, Wanted } from './rows.js' */

/**
 * Rows that are shown until the operator asks for all: a thousand are a long page, and work each
 * second.
 */
const ROWS_SHOWN = 100;

export class PoolView {
  #element = copyOf('#pool-template', HTMLElement);
  #title = find(this.#element, 'h2', HTMLHeadingElement);
  #counts = find(this.#element, '.counts', HTMLParagraphElement);
  #table = find(this.#element, 'table', HTMLTableElement);
  #body = find(this.#element, 'tbody', HTMLTableSectionElement);
  #heads = [...this.#element.querySelectorAll('th[data-sort]')];
  #rest = find(this.#element, '.rest span', HTMLSpanElement);
  #showAll = find(this.#element, '.rest button', HTMLButtonElement);
  #plots = {
    queue: this.#plot('queue', { title: 'Requests that wait in the queue', first: ({ waiting }) => waiting, text: count }),
    rate: this.#plot('rate', { title: 'Requests a second', first: ({ rate }) => rate, text: decimal }),
    head: this.#plot('head', {
      title: 'Head time, half of the answers (p50)',
      first: ({ p50 }) => p50,
      second: ({ p99 }) => p99,
      text: milliseconds,
    }),
  };
  /** @type {Map<number, Row>} */
  #rows = new Map();
  #all = false;
  /** Of a hundred pools most are not: what is not seen is not drawn. */
  #inSight = true;
  #observer;
  /** @type {Act} */
  #act;

  /**
   * @param {number} id
   * @param {Act} act
   * @param {(sort: SortKey) => void} sortBy
   * @param {() => void} again asks to be shown again
   */
  constructor(id, act, sortBy, again) {
    this.#act = act;
    this.#title.id = `pool-${id}`;
    this.#element.setAttribute('aria-labelledby', this.#title.id);
    for (const head of this.#heads) {
      const key = /** @type {SortKey} */ (head.getAttribute('data-sort'));
      find(head, 'button', HTMLButtonElement).addEventListener('click', () => sortBy(key));
    }
    this.#showAll.addEventListener('click', () => {
      this.#all = true;
      again();
    });
    this.#observer = new IntersectionObserver((entries) => {
      this.#inSight = entries.at(-1)?.isIntersecting ?? true;
      if (this.#inSight) again();
    });
    this.#observer.observe(this.#element);
  }

  get element() {
    return this.#element;
  }

  /** The pool is gone. */
  end() {
    this.#observer.disconnect();
  }

  /**
   * @param {Pool} pool
   * @param {Model} model
   * @param {Wanted} wanted
   */
  show(pool, model, wanted) {
    const upstreams = model.upstreamsOf(pool.id);
    setText(this.#title, `Pool ${pool.name}${pool.leaving ? ' (leaving)' : ''}`);
    setAttribute(this.#table, 'aria-label', `Upstreams of pool ${pool.name}`);
    setText(this.#counts, countsText(pool, upstreams));
    if (!this.#inSight) return;
    this.#showPlots(pool, model);
    this.#showRows(upstreams, model.at, wanted);
  }

  /**
   * @param {Pool} pool
   * @param {Model} model
   */
  #showPlots(pool, model) {
    const history = model.history(pool.name);
    const { rate, trend, samples } = history;
    const { queue, rate: requests, head } = this.#plots;
    const going = trend === undefined || (pool.waiting === 0 && trend.word === 'steady') ? '' : `, ${trend.word}`;
    setAttribute(queue.figure, 'data-trend', trend?.word ?? '');
    setText(queue.now, pool.waiting === 0 && going === '' ? 'empty' : `${count(pool.waiting)} waiting${going}`);
    const oldest = pool.waiting === 0 || pool.oldest_ms == null ? [] : [`oldest ${milliseconds(pool.oldest_ms)}`];
    const wait = pool.waiting === 0 || pool.wait_p99 == null ? [] : [`wait p99 ${milliseconds(pool.wait_p99)}`];
    const refused = pool.rejected === 0 ? [] : [`${count(pool.rejected)} rejected`];
    setText(queue.more, [`room for ${count(pool.size)}`, ...oldest, ...wait, ...refused].join(' · '));
    queue.plot.draw(samples, model.at);
    setText(requests.now, rate === undefined ? NOTHING : `${decimal(rate)} a second`);
    setText(
      requests.more,
      [grouped(pool.statuses), pool.retries === 0 ? '' : plural(pool.retries, 'retry', 'retries')].filter(Boolean).join(' · '),
    );
    requests.plot.draw(samples, model.at);
    setText(head.now, pool.head_p50 == null ? NOTHING : `p50 ${milliseconds(pool.head_p50)}`);
    setText(head.more, pool.head_p99 == null ? '' : `p99 ${milliseconds(pool.head_p99)}`);
    head.plot.draw(samples, model.at);
  }

  /**
   * @param {readonly Upstream[]} upstreams
   * @param {number} now
   * @param {Wanted} wanted
   */
  #showRows(upstreams, now, wanted) {
    const slow = new Set(slowOnes(upstreams).map(({ upstream }) => upstream));
    const fits = chosen(upstreams, wanted);
    const shown = this.#all ? fits : fits.slice(0, ROWS_SHOWN);
    const elements = shown.map((upstream) => {
      const row = this.#rows.get(upstream.id) ?? new Row(this.#act);
      this.#rows.set(upstream.id, row);
      row.show(upstream, slow.has(upstream), now);
      return row.element;
    });
    setChildren(this.#body, elements);
    if (this.#rows.size > elements.length) {
      const kept = new Set(shown.map(({ id }) => id));
      for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    }
    for (const head of this.#heads) {
      const sorted = head.getAttribute('data-sort') === wanted.sort;
      const ascending = wanted.sort === 'name' || wanted.sort === 'state';
      if (sorted) setAttribute(head, 'aria-sort', ascending ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    }
    const hidden = fits.length - shown.length;
    setText(this.#rest, restText(upstreams.length, fits.length, hidden));
    this.#showAll.hidden = hidden === 0;
  }

  /**
   * @param {string} name
   * @param {import('./plot.js').PlotSettings} settings
   */
  #plot(name, settings) {
    const figure = find(this.#element, `[data-plot=${name}]`, HTMLElement);
    return {
      figure,
      now: find(figure, '.now', HTMLElement),
      more: find(figure, '.more', HTMLSpanElement),
      plot: new Plot(figure, settings),
    };
  }
}

/** @param {string} text with numbers in it */
function grouped(text) {
  return text.replace(/\d{4,}/g, (digits) => count(Number(digits)));
}

/**
 * @param {Pool} pool
 * @param {readonly Upstream[]} upstreams
 */
function countsText({ balance }, upstreams) {
  const states = ['up', 'down', 'draining', 'disabled'].flatMap((state) => {
    const those = upstreams.filter((upstream) => upstream.state === state).length;
    return those === 0 ? [] : [`${count(those)} ${state}`];
  });
  return `${plural(upstreams.length, 'upstream')}${states.length === 0 ? '' : `: ${states.join(', ')}`} · ${balance}`;
}

/**
 * @param {number} all
 * @param {number} fits
 * @param {number} hidden
 */
function restText(all, fits, hidden) {
  if (all === 0) return 'No upstream yet: requests wait for one.';
  if (fits === 0) return 'No upstream fits.';
  if (hidden > 0) return `${count(fits - hidden)} of ${count(fits)} shown.`;
  return fits < all ? `${count(fits)} of ${count(all)} fit.` : '';
}
