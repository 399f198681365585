// What an operator should know first, in sentences: what is down and why, drains, queues, slow
// upstreams.

import { clockTime, count, duration, milliseconds, plural } from './words.js';

/** @import { Model, Pool, Upstream } from './model.js' */

/**
 * @typedef {object} Finding
 * @property {'bad' | 'warn' | 'note' | 'good'} level
 * @property {string} text
 */

/** Of one kind; what is more is counted. */
const SHOWN = 5;
/**
 * An upstream is slow when its head time is so many times that of the others, and so many ms more.
 */
const SLOW = { times: 3, ms: 20 };

/**
 * @param {Model} model
 * @returns {Finding[]}
 */
export function findings(model) {
  const { program } = model;
  if (program === undefined) return [];
  /** @type {Finding[]} */
  const found = [];
  if (program.stopping) found.push({ level: 'warn', text: 'The program is stopping: it finishes what runs.' });
  else for (const reason of program.reasons) found.push({ level: 'bad', text: sentence(`Not ready: ${reason}`) });
  for (const pool of model.pools.values()) found.push(...queueFindings(pool, model));
  const upstreams = [...model.upstreams.values()];
  found.push(
    ...some(
      upstreams.filter(({ state }) => state === 'down'),
      'down',
      'bad',
      (each) => sentence(`${said(each, model)}: ${each.reason}`),
    ),
  );
  found.push(...slowFindings(model));
  found.push(
    ...some(
      upstreams.filter(({ state }) => state === 'draining'),
      'draining',
      'note',
      (each) => drainText(each, model),
    ),
  );
  found.push(...reloadFindings(model));
  if (found.length > 0) return found;
  const { length } = upstreams;
  const all = upstreams.filter(({ state }) => state === 'up').length;
  if (length === 0) return [{ level: 'note', text: 'There is no upstream yet.' }];
  const up =
    all === length
      ? length === 1
        ? 'The one upstream is up'
        : `All ${count(length)} upstreams are up`
      : `${count(all)} of ${plural(length, 'upstream')} are up, the rest disabled`;
  return [{ level: 'good', text: `${up}, and no request waits.` }];
}

/**
 * Ids of the upstreams that take much longer than the others of their pool to begin an answer.
 * @param {readonly Upstream[]} upstreams of one pool
 * @returns {{ upstream: Upstream, others: number }[]} with the median head time of the others
 */
export function slowOnes(upstreams) {
  const known = upstreams.filter(({ head_p50, state }) => head_p50 != null && state !== 'disabled');
  if (known.length < 2) return [];
  const sorted = known.map(({ head_p50 }) => head_p50 ?? 0).sort((a, b) => a - b);
  return known.flatMap((upstream) => {
    const own = upstream.head_p50 ?? 0;
    const others = medianWithout(sorted, own);
    return own >= others * SLOW.times && own >= others + SLOW.ms ? [{ upstream, others }] : [];
  });
}

/**
 * @param {readonly number[]} sorted
 * @param {number} one of them
 */
function medianWithout(sorted, one) {
  const place = sorted.indexOf(one);
  const middle = (sorted.length - 2) >> 1;
  return sorted[middle >= place ? middle + 1 : middle] ?? 0;
}

/**
 * @param {Upstream} upstream
 * @param {Model} model
 */
export function drainText(upstream, model) {
  const since = `${upstream.name} is draining since ${sinceText(upstream, model)}`;
  if (upstream.in_flight > 0)
    return `${since}: ${plural(upstream.in_flight, 'request is', 'requests are')} still in flight there.`;
  return `${since}: the drain is finished, nothing is in flight there.`;
}

/**
 * @param {Upstream} upstream
 * @param {Model} model
 */
function sinceText({ since }, model) {
  const at = Date.parse(since);
  return `${clockTime(at, model.at)} (${duration(model.at - at)})`;
}

/**
 * @param {Upstream} upstream
 * @param {Model} model
 */
function said(upstream, model) {
  return `${upstream.name} is ${upstream.state} since ${sinceText(upstream, model)}`;
}

/** @param {string} text that may have its end already */
function sentence(text) {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/**
 * @param {Pool} pool
 * @param {Model} model
 * @returns {Finding[]}
 */
function queueFindings(pool, model) {
  if (pool.waiting === 0) return [];
  const trend = model.history(pool.name).trend;
  const oldest = pool.oldest_ms == null ? '' : `, the oldest for ${milliseconds(pool.oldest_ms)}`;
  const wait = `${plural(pool.waiting, 'request waits', 'requests wait')}${oldest}`;
  const queue = `The queue of pool ${pool.name}`;
  if (trend?.word === 'growing') {
    return [{ level: 'bad', text: `${queue} is growing: ${wait}; ${count(trend.more)} more than ${duration(trend.ms)} ago.` }];
  }
  return [{ level: 'warn', text: `${queue} is not empty${trend === undefined ? '' : `, but ${trend.word}`}: ${wait}.` }];
}

/**
 * @param {Model} model
 * @returns {Finding[]}
 */
function slowFindings(model) {
  const slow = [...model.pools.values()].flatMap(({ id }) => slowOnes(model.upstreamsOf(id)));
  const others = new Map(slow.map((each) => [each.upstream, each.others]));
  return some([...others.keys()], 'slow', 'warn', (upstream) => {
    const text = `${upstream.name} is slow: half of its answers take ${milliseconds(upstream.head_p50)} or more to begin`;
    return `${text}; with the others it is ${milliseconds(others.get(upstream))}.`;
  });
}

/**
 * @param {Model} model
 * @returns {Finding[]}
 */
function reloadFindings({ program, at }) {
  const reload = program?.reload;
  if (reload?.result !== 'bad') return [];
  const problems = reload.problems ?? [];
  const more = (reload.count ?? problems.length) - problems.length;
  const text = `The reload at ${clockTime(Date.parse(reload.at), at)} failed and changed nothing: ${problems.join('; ')}`;
  return [{ level: 'bad', text: more > 0 ? `${text}; and ${count(more)} more problems` : text }];
}

/**
 * @param {readonly Upstream[]} upstreams
 * @param {string} are what they are
 * @param {Finding['level']} level
 * @param {(upstream: Upstream) => string} text
 * @returns {Finding[]}
 */
function some(upstreams, are, level, text) {
  const shown = upstreams.slice(0, SHOWN).map((upstream) => ({ level, text: text(upstream) }));
  const more = upstreams.length - shown.length;
  return more > 0 ? [...shown, { level, text: `${plural(more, 'more upstream is', 'more upstreams are')} ${are}.` }] : shown;
}
