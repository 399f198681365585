// The rows of a pool's table: which are shown, in what order, and what stands in each; only what
// has changed is written.

import { copyOf, find, made, setAttribute, setText } from './dom.js';
import { clockTime, count, duration, milliseconds, NOTHING, plural } from './words.js';

/** @import { Upstream } from './model.js' */
/**
 * @typedef {'name' | 'state' | 'since' | 'in_flight' | 'requests' | 'errors' | 'head_p50'} SortKey
 */
/** @typedef {{ find: string, state: string, sort: SortKey }} Wanted */
/** @typedef {(verb: 'drain' | 'undrain', upstream: Upstream) => void} Act */

const BY_NAME = new Intl.Collator('en', { numeric: true });
/** What needs an eye comes first. */
const STATES = ['down', 'draining', 'disabled', 'up'];

/**
 * @param {readonly Upstream[]} upstreams
 * @param {Wanted} wanted
 */
export function chosen(upstreams, { find: text, state, sort }) {
  const sought = text.trim().toLowerCase();
  const fits = upstreams.filter(
    (each) =>
      (state === '' || each.state === state) && (sought === '' || `${each.name} ${each.reason}`.toLowerCase().includes(sought)),
  );
  return fits.sort((a, b) => order(a, b, sort) || BY_NAME.compare(a.name, b.name) || a.id - b.id);
}

/**
 * @param {Upstream} a
 * @param {Upstream} b
 * @param {SortKey} sort
 */
function order(a, b, sort) {
  if (sort === 'name') return 0;
  if (sort === 'state') return STATES.indexOf(a.state) - STATES.indexOf(b.state);
  if (sort === 'since') return Date.parse(b.since) - Date.parse(a.since);
  return (b[sort] ?? -1) - (a[sort] ?? -1);
}

/** The row of one upstream. */
export class Row {
  #element = copyOf('#row-template', HTMLTableRowElement);
  #name = find(this.#element, '.name span', HTMLSpanElement);
  #tags = find(this.#element, '.tags', HTMLSpanElement);
  #state = find(this.#element, '.state-word', HTMLSpanElement);
  #doing = find(this.#element, '.doing', HTMLSpanElement);
  #time = find(this.#element, 'time', HTMLTimeElement);
  #ago = find(this.#element, '.since .quiet', HTMLSpanElement);
  #why = find(this.#element, '.why span', HTMLSpanElement);
  #errorText = find(this.#element, '.why .detail', HTMLSpanElement);
  #flight = find(this.#element, '.flight span', HTMLSpanElement);
  #meter = find(this.#element, 'rect', SVGRectElement);
  #requests = find(this.#element, '[data-label=Requests]', HTMLTableCellElement);
  #errors = find(this.#element, '.errors', HTMLTableCellElement);
  #head = find(this.#element, '.head span', HTMLSpanElement);
  #probe = find(this.#element, '.probe span', HTMLSpanElement);
  #probeReason = find(this.#element, '.probe .detail', HTMLSpanElement);
  #button = find(this.#element, 'button', HTMLButtonElement);
  /** @type {Upstream | undefined} */
  #shown;
  #slow = false;

  /** @param {Act} act */
  constructor(act) {
    this.#button.addEventListener('click', () => {
      if (this.#shown !== undefined) act(verbFor(this.#shown), this.#shown);
    });
  }

  get element() {
    return this.#element;
  }

  /**
   * @param {Upstream} upstream
   * @param {boolean} slow
   * @param {number} now ms since 1970
   */
  show(upstream, slow, now) {
    if (upstream !== this.#shown || slow !== this.#slow) this.#write(upstream, slow, now);
    this.#shown = upstream;
    this.#slow = slow;
    const since = Date.parse(upstream.since);
    setText(this.#time, clockTime(since, now));
    setText(this.#ago, duration(now - since));
    if (upstream.probe_at != null) setText(this.#probe, probeText(upstream, now));
  }

  /**
   * @param {Upstream} upstream
   * @param {boolean} slow
   * @param {number} now
   */
  #write(upstream, slow, now) {
    const { name, state, activity, since, reason, in_flight, capacity, leaving } = upstream;
    setAttribute(this.#element, 'data-state', leaving ? 'leaving' : state);
    setText(this.#name, name);
    const tags = tagsOf(upstream, slow);
    if (this.#tags.textContent !== tags.join(''))
      this.#tags.replaceChildren(...tags.map((tag) => made('span', tag, `tag ${tag}`)));
    setText(this.#state, state);
    setText(this.#doing, doingText(state, activity, in_flight));
    setAttribute(this.#time, 'datetime', since);
    setText(this.#why, reason);
    setText(this.#flight, `${count(in_flight)} of ${capacity === null ? '?' : capacity === 'unlimited' ? '∞' : count(capacity)}`);
    const share = typeof capacity === 'number' && capacity > 0 ? Math.min(1, in_flight / capacity) : 0;
    setAttribute(this.#meter, 'width', String(40 * share));
    setText(this.#requests, count(upstream.requests));
    setText(this.#errors, count(upstream.errors));
    setText(this.#errorText, errorText(upstream));
    setText(
      this.#head,
      upstream.head_p50 == null ? NOTHING : `${milliseconds(upstream.head_p50)} · ${milliseconds(upstream.head_p99)}`,
    );
    setText(this.#probe, probeText(upstream, now));
    setText(this.#probeReason, probeReason(upstream));
    const verb = verbFor(upstream);
    setText(this.#button, verb === 'drain' ? 'Drain' : 'Undrain');
    setAttribute(this.#button, 'aria-label', `${verb === 'drain' ? 'Drain' : 'Undrain'} ${name}`);
    this.#button.hidden = leaving;
  }
}

/** @param {Upstream} upstream */
function errorText({ error_codes, retries }) {
  const codes = error_codes === '' ? [] : [`errors: ${error_codes}`];
  return [...codes, ...(retries === 0 ? [] : [plural(retries, 'retry', 'retries')])].join('; ');
}

/** @param {Upstream} upstream */
function verbFor({ state }) {
  return state === 'draining' || state === 'disabled' ? 'undrain' : 'drain';
}

/**
 * @param {Upstream} upstream
 * @param {boolean} slow
 */
function tagsOf({ leaving, backup, weight }, slow) {
  return [
    ...(slow ? ['slow'] : []),
    ...(leaving ? ['leaving'] : []),
    ...(backup ? ['backup'] : []),
    ...(weight !== 1 ? [`weight ${Math.round(weight * 100) / 100}`] : []),
  ];
}

/**
 * @param {Upstream['state']} state
 * @param {Upstream['activity']} activity
 * @param {number} inFlight
 */
function doingText(state, activity, inFlight) {
  if (state === 'draining') return inFlight === 0 ? ', finished' : `, ${count(inFlight)} left`;
  return state === 'up' || inFlight > 0 ? `, ${activity}` : '';
}

/**
 * @param {Upstream} upstream
 * @param {number} now
 */
function probeText({ probe, probe_at, probe_ms }, now) {
  if (probe == null || probe_at == null) return NOTHING;
  const ago = `${probe} ${duration(now - Date.parse(probe_at))} ago`;
  return probe === 'good' && probe_ms != null ? `${ago}, ${milliseconds(probe_ms)}` : ago;
}

/**
 * @param {Upstream} upstream
 */
function probeReason({ probe, probe_reason, reason }) {
  // The reason of the state stands beside it already.
  return probe === 'bad' && probe_reason != null && probe_reason !== reason ? probe_reason : '';
}
