// How numbers, durations and times read on the page.

/** What stands where nothing is known. */
export const NOTHING = '–';

const NUMBER = new Intl.NumberFormat('en');
const SMALL = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {number | null | undefined} value */
export function count(value) {
  return value == null ? NOTHING : NUMBER.format(value);
}

/** @param {number | null | undefined} value */
export function decimal(value) {
  return value == null ? NOTHING : value >= 100 ? NUMBER.format(Math.round(value)) : SMALL.format(value);
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** @param {number} ms of something that lasts */
export function duration(ms) {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** @param {number | null | undefined} ms that were measured */
export function milliseconds(ms) {
  if (ms == null) return NOTHING;
  return ms >= 10 * SECOND
    ? `${SMALL.format(ms / SECOND)} s`
    : ms >= SECOND
      ? `${(ms / SECOND).toFixed(1)} s`
      : `${ms >= 10 ? Math.round(ms) : SMALL.format(ms)} ms`;
}

/** @param {number | null | undefined} value */
export function bytes(value) {
  if (value == null) return NOTHING;
  return value >= 2 ** 30 ? `${SMALL.format(value / 2 ** 30)} GiB` : `${decimal(value / 2 ** 20)} MiB`;
}

/**
 * @param {number} at ms since 1970
 * @param {number} now the same
 */
export function clockTime(at, now) {
  return now - at < DAY / 2 ? TIME.format(at) : DATE.format(at);
}
