// The running program in lines of text: a pure function of the overview, the size of the terminal
// and the display options.

import { escapeControls } from '../../core/escape.ts';
import type { Overview, PoolRow, UpstreamRow } from './overview.ts';
import { bytesText, countText, msText, NOTHING, rateText, spanText } from './quantities.ts';
import { type Column, shortened, tableLines } from './table.ts';

/** By what upstreams can be sorted, with the key for it in `fcgi-lb top`. */
export const SORTS = {
  state: 's',
  busy: 'b',
  rate: 'r',
  requests: 'n',
  errors: 'e',
  p99: 'p',
  age: 'a',
  name: 'u',
} as const;
export type SortName = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS) as readonly SortName[];

export interface DisplayOptions {
  /** Columns of the terminal; Infinity: everything is shown. */
  readonly width: number;
  readonly colours: boolean;
  /** Undefined: in the order of the status document. */
  readonly sort: SortName | undefined;
  readonly reversed?: boolean;
  /** Whether rates are shown; a single look has none. */
  readonly rates: boolean;
}

/** What is most urgent comes first. */
const URGENCY = ['down', 'draining', 'disabled', 'leaving', 'up'];
/** SGR: red for what fails, yellow for what the operator has set aside. */
const PAINTS: Readonly<Record<string, number>> = { down: 31, draining: 33, disabled: 33, leaving: 33 };
const BOLD = 1;

/** One line: which program it is and how it is. */
export function headLines(
  { status, active, waiting, rate, cpu, resident }: Overview,
  { width, colours, rates }: DisplayOptions,
): readonly string[] {
  const { version, pid, generation, ready, reasons, reload, stopping } = status;
  const state = stopping ? 'stopping' : ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  const first = `fcgi-lb ${version}, pid ${pid}, up ${spanText(status.uptime_seconds)}, generation ${generation}: ${state}`;
  const facts = [
    ...(rates ? [`${rateText(rate)} requests/s`] : []),
    ...(active === undefined ? [] : [`${active} active`]),
    `${waiting} waiting`,
    ...(cpu === undefined ? [] : [`${Math.round(cpu * 100)} % CPU`]),
    ...(resident === undefined ? [] : [`${bytesText(resident)} of memory`]),
  ];
  const bad =
    reload?.result === 'bad'
      ? [`the latest reload failed at ${reload.at} and changed nothing:`, ...reload.problems.map((problem) => `  ${problem}`)]
      : [];
  const cut = (line: string): string => shortened(escapeControls(line), width);
  return [
    painted(cut(first), ready && !stopping ? BOLD : 31, colours),
    cut(facts.join(', ')),
    ...bad.map((line) => painted(cut(line), 31, colours)),
  ];
}

export function poolLines({ pools }: Overview, { width, colours, rates }: DisplayOptions): readonly string[] {
  const columns: readonly Column<PoolRow>[] = [
    {
      title: 'POOL',
      cell: ({ name, leaving }) => plain(leaving ? `${name} (leaving)` : name),
      shrinks: { to: 8, keeps: 'start' },
    },
    {
      title: 'QUEUE',
      right: true,
      rank: 9,
      cell: ({ waiting, size }) => `${waiting}/${size}`,
      paint: ({ waiting }) => (waiting > 0 ? 33 : undefined),
    },
    { title: 'OLDEST', right: true, rank: 3, cell: ({ oldest_ms }) => msText(oldest_ms) },
    ...(rates ? [{ title: 'REQ/S', right: true, rank: 7, cell: ({ rate }: PoolRow) => rateText(rate) } as const] : []),
    { title: 'REQUESTS', right: true, rank: 4, cell: ({ requests }) => countText(requests) },
    { title: '5XX', right: true, rank: 5, cell: ({ failed }) => countText(failed) },
    { title: 'P99', right: true, rank: 6, cell: ({ head_p99 }) => msText(head_p99) },
    { title: 'UPSTREAMS', rank: 8, cell: ({ states }) => statesText(states), shrinks: { to: 12, keeps: 'start' } },
  ];
  return tableLines(columns, pools, width, colours);
}

/** A table whose rows may be shown in part. */
export interface Listing {
  /** What stands above the rows. */
  readonly head: readonly string[];
  readonly rows: readonly string[];
}

/** @param several whether more than one pool is shown */
export function upstreamListing(
  rows: readonly UpstreamRow[],
  { width, colours, rates }: DisplayOptions,
  several: boolean,
): Listing {
  const directory = Number.isFinite(width) ? commonDirectory(rows) : '';
  const columns: readonly Column<UpstreamRow>[] = [
    ...(several
      ? [{ title: 'POOL', rank: 6, cell: ({ pool }: UpstreamRow) => plain(pool), shrinks: { to: 6, keeps: 'start' } } as const]
      : []),
    { title: 'UPSTREAM', cell: ({ name }) => plain(name.slice(directory.length)), shrinks: { to: 10, keeps: 'end' } },
    { title: 'STATE', rank: 10, cell: ({ state }) => state, paint: ({ state }) => PAINTS[state] },
    { title: 'DOING', rank: 1, cell: ({ activity }) => activity },
    { title: 'BUSY', right: true, rank: 9, cell: busyText },
    ...(rates ? [{ title: 'REQ/S', right: true, rank: 5, cell: ({ rate }: UpstreamRow) => rateText(rate) } as const] : []),
    { title: 'REQUESTS', right: true, rank: 2, cell: ({ requests }) => countText(requests) },
    {
      title: 'ERRORS',
      right: true,
      rank: 4,
      cell: ({ errors }) => countText(errors),
      paint: ({ errors = 0 }) => (errors > 0 ? 31 : undefined),
    },
    { title: 'P99', right: true, rank: 8, cell: ({ head_p99 }) => msText(head_p99) },
    { title: 'FOR', right: true, rank: 7, cell: ({ age }) => spanText(age / 1000) },
    { title: 'WHY', rank: 3, cell: ({ reason }) => plain(reason), shrinks: { to: 16, keeps: 'start' } },
  ];
  const [title = '', ...lines] = tableLines(columns, rows, width, colours);
  return { head: directory === '' ? [title] : [shortened(`in ${plain(directory)}:`, width, 'end'), title], rows: lines };
}

/** The upstreams in the order of the display options. */
export function sorted({ upstreams }: Overview, { sort, reversed = false }: DisplayOptions): readonly UpstreamRow[] {
  const [...rows] = upstreams;
  if (sort !== undefined) rows.sort((a, b) => COMPARE[sort](a, b) || COMPARE.busy(a, b));
  return reversed ? rows.reverse() : rows;
}

const most =
  (of: (row: UpstreamRow) => number | null | undefined) =>
  (a: UpstreamRow, b: UpstreamRow): number =>
    (of(b) ?? -1) - (of(a) ?? -1);

const COMPARE: Readonly<Record<SortName, (a: UpstreamRow, b: UpstreamRow) => number>> = {
  state: (a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state),
  busy: most(({ in_flight }) => in_flight),
  rate: most(({ rate }) => rate),
  requests: most(({ requests }) => requests),
  errors: most(({ errors }) => errors),
  p99: most(({ head_p99 }) => head_p99),
  // What changed last comes first.
  age: (a, b) => a.age - b.age,
  name: (a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || a.pool.localeCompare(b.pool),
};

function busyText({ in_flight, capacity }: UpstreamRow): string {
  if (capacity === 'unlimited') return String(in_flight);
  return `${in_flight}/${capacity ?? '?'}`;
}

/** 996 up, 3 down, 1 draining */
export function statesText(states: ReadonlyMap<string, number>): string {
  const parts = [...states].sort(([a], [b]) => URGENCY.indexOf(b) - URGENCY.indexOf(a)).map(([is, count]) => `${count} ${is}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/**
 * The directory that all have in common, with its slash: printed once, not in every line.
 */
function commonDirectory(rows: readonly UpstreamRow[]): string {
  const [first, ...more] = rows;
  const directory = first?.name.startsWith('/') ? first.name.slice(0, first.name.lastIndexOf('/') + 1) : '';
  return more.every(({ name }) => name.startsWith(directory) && !name.includes('/', directory.length)) ? directory : '';
}

/** Names and reasons may quote workers and files. */
function plain(text: string): string {
  return escapeControls(text) || NOTHING;
}

function painted(line: string, attribute: number, colours: boolean): string {
  return colours ? `\x1b[${attribute}m${line}\x1b[0m` : line;
}
