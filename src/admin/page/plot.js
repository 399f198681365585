// A small plot of one or two lines over the last minutes, with a title in words for screen readers.

import { copyOf, find, setAttribute, setText } from './dom.js';
import { SPAN } from './history.js';

/** @import { Sample } from './history.js' */

/** The plot's own units, which the page stretches. */
const WIDTH = 300;
const HEIGHT = 60;
/** ms without a sample after which a line is broken. */
const GAP = 15_000;

/**
 * @typedef {object} PlotSettings
 * @property {string} title
 * @property {(sample: Sample) => number | undefined} first
 * @property {(sample: Sample) => number | undefined} [second]
 * @property {(value: number) => string} text
 */

export class Plot {
  /** @type {PlotSettings} */
  #settings;
  #element = copyOf('#plot-template', HTMLDivElement);
  /** What a screen reader says, and a pointer shows. */
  #title = find(this.#element, 'title', SVGTitleElement);
  #area = find(this.#element, '.area', SVGPathElement);
  #first = find(this.#element, '.first', SVGPathElement);
  #second = find(this.#element, '.second', SVGPathElement);
  #top = find(this.#element, '.top-label', HTMLSpanElement);

  /**
   * @param {HTMLElement} figure
   * @param {PlotSettings} settings
   */
  constructor(figure, settings) {
    this.#settings = settings;
    figure.append(this.#element);
  }

  /**
   * @param {readonly Sample[]} samples
   * @param {number} now ms since 1970
   */
  draw(samples, now) {
    const { title, first, second, text } = this.#settings;
    const main = points(samples, first);
    const other = second === undefined ? [] : points(samples, second);
    const highest = [...main, ...other].reduce((most, { value }) => Math.max(most, value), 0);
    const top = roundUp(highest);
    const line = path(main, now, top);
    setAttribute(this.#first, 'd', line);
    setAttribute(this.#area, 'd', second === undefined ? area(main, now, top) : '');
    setAttribute(this.#second, 'd', path(other, now, top));
    setText(this.#top, main.length === 0 ? '' : text(top));
    setText(this.#title, main.length === 0 ? `${title}: nothing to show yet` : story(title, main, text));
  }
}

/** @typedef {{ at: number, value: number }} Point */

/**
 * @param {readonly Sample[]} samples
 * @param {(sample: Sample) => number | undefined} read
 * @returns {Point[]}
 */
function points(samples, read) {
  return samples.flatMap((sample) => {
    const value = read(sample);
    return value === undefined ? [] : [{ at: sample.at, value }];
  });
}

/**
 * @param {readonly Point[]} line
 * @param {number} now
 * @param {number} top
 */
function path(line, now, top) {
  let before = Number.NEGATIVE_INFINITY;
  let text = '';
  for (const { at, value } of line) {
    text += `${at - before > GAP ? 'M' : 'L'}${x(at, now)} ${y(value, top)}`;
    before = at;
  }
  return text;
}

/**
 * @param {readonly Point[]} line
 * @param {number} now
 * @param {number} top
 */
function area(line, now, top) {
  let text = '';
  for (const [index, { at, value }] of line.entries()) {
    const before = line[index - 1];
    const after = line[index + 1];
    if (before === undefined || at - before.at > GAP) text += `M${x(at, now)} ${HEIGHT}`;
    text += `L${x(at, now)} ${y(value, top)}`;
    if (after === undefined || after.at - at > GAP) text += `L${x(at, now)} ${HEIGHT}Z`;
  }
  return text;
}

/**
 * @param {number} at
 * @param {number} now
 */
function x(at, now) {
  return (((at - now + SPAN) / SPAN) * WIDTH).toFixed(1);
}

/**
 * @param {number} value
 * @param {number} top
 */
function y(value, top) {
  return (HEIGHT - 1 - (value / top) * (HEIGHT - 4)).toFixed(1);
}

/** @param {number} value 1, 2 or 5 times a power of ten, not below it */
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (value <= power ? 1 : value <= 2 * power ? 2 : value <= 5 * power ? 5 : 10);
}

/**
 * @param {string} title
 * @param {readonly Point[]} line not empty
 * @param {(value: number) => string} text
 */
function story(title, line, text) {
  const values = line.map(({ value }) => value);
  const now = values.at(-1) ?? 0;
  const range = `between ${text(Math.min(...values))} and ${text(Math.max(...values))} in the last 5 minutes`;
  return `${title}: now ${text(now)}, ${range}`;
}
