// What `fcgi-lb top` shows and what its keys do: pure functions of its state and the size of the
// terminal.

import { escapeControls } from '../../core/escape.ts';
import type { Overview } from './overview.ts';
import {
  type DisplayOptions,
  headLines,
  poolLines,
  SORT_NAMES,
  SORTS,
  type SortName,
  sorted,
  upstreamListing,
} from './status-view.ts';
import { shortened } from './table.ts';

export interface TopState {
  /** The latest that is known; undefined: nothing yet. */
  readonly seen: Overview | undefined;
  /** Why there is nothing newer, since when it is so. */
  readonly failure: { readonly message: string; readonly seconds: number } | undefined;
  readonly sort: SortName;
  readonly reversed: boolean;
  /** Upstreams above the first that is shown. */
  readonly offset: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How much of a screen pools may take, when there are many. */
const POOLS_SHARE = 3;

/** At most as many lines as there are, none wider than the terminal. */
export function topLines(state: TopState, { width, height }: Size, colours: boolean): readonly string[] {
  const { seen, failure, sort, reversed } = state;
  const sight: DisplayOptions = { width, colours, sort, reversed, rates: true };
  const head = seen === undefined ? [] : headLines(seen, sight);
  const trouble = failure === undefined ? [] : [troubleLine(failure, width, colours)];
  const foot = footLine(state, width);
  const pools = seen === undefined ? [] : fewPools(poolLines(seen, sight), Math.max(2, Math.floor(height / POOLS_SHARE)), width);
  const top = [...head, ...trouble, ...(pools.length === 0 ? [] : ['', ...pools]), ''];
  const room = Math.max(0, height - top.length - 1);
  const body = seen === undefined ? [] : windowOf(seen, sight, room, state.offset);
  const lines = [...top, ...body].slice(0, Math.max(0, height - 1));
  const blank = Array.from({ length: Math.max(0, height - 1 - lines.length) }, () => '');
  return [...lines, ...blank, foot].slice(-height);
}

/**
 * The state after a key; `quit`, `suspend` and `redraw` are left to the caller, undefined is a key
 * without a meaning.
 */
export function pressed(key: string, state: TopState, height: number): TopState | 'quit' | 'suspend' | 'redraw' | undefined {
  const page = Math.max(1, Math.floor(height / 2));
  const last = Math.max(0, (state.seen?.upstreams.length ?? 0) - 1);
  const to = (offset: number): TopState => ({ ...state, offset: Math.min(last, Math.max(0, offset)) });
  switch (key) {
    case 'q':
    case 'Q':
    case '\x03':
    case '\x04':
      return 'quit';
    case '\x1a':
      return 'suspend';
    case '\x0c':
      return 'redraw';
    case 'R':
      return { ...state, reversed: !state.reversed, offset: 0 };
    case '\x1b[A':
    case '\x1bOA':
      return to(state.offset - 1);
    case '\x1b[B':
    case '\x1bOB':
      return to(state.offset + 1);
    case '\x1b[5~':
      return to(state.offset - page);
    case '\x1b[6~':
    case ' ':
      return to(state.offset + page);
    case '\x1b[H':
    case '\x1bOH':
    case '\x1b[1~':
      return to(0);
    case '\x1b[F':
    case '\x1bOF':
    case '\x1b[4~':
      return to(last);
    default: {
      const sort = SORT_NAMES.find((name) => SORTS[name] === key);
      return sort === undefined ? undefined : { ...state, sort, reversed: false, offset: 0 };
    }
  }
}

function troubleLine(
  { message, seconds }: { readonly message: string; readonly seconds: number },
  width: number,
  colours: boolean,
): string {
  const line = shortened(`no answer for ${Math.floor(seconds)} s, trying again: ${escapeControls(message)}`, width);
  return colours ? `\x1b[31m${line}\x1b[0m` : line;
}

function fewPools(lines: readonly string[], limit: number, width: number): readonly string[] {
  const [title = '', ...rows] = lines;
  if (rows.length <= limit) return lines;
  return [title, ...rows.slice(0, limit - 1), shortened(`and ${rows.length - limit + 1} more pools`, width)];
}

function windowOf(seen: Overview, sight: DisplayOptions, room: number, offset: number): readonly string[] {
  const rows = sorted(seen, sight);
  if (rows.length === 0) return ['no upstream'];
  // All are laid out, so that columns stay where they are while one scrolls.
  const { head, rows: lines } = upstreamListing(rows, sight, seen.pools.length > 1);
  const fits = Math.max(0, room - head.length);
  const from = Math.max(0, Math.min(offset, rows.length - fits));
  return [...head, ...lines.slice(from, from + fits)].slice(0, room);
}

function footLine({ seen, sort, reversed, offset }: TopState, width: number): string {
  const count = seen?.upstreams.length ?? 0;
  const order = `by ${sort}${reversed ? ', reversed' : ''}${offset > 0 ? `, from ${offset + 1} of ${count}` : ''}`;
  const keys = SORT_NAMES.map((name) => `${SORTS[name]} ${name}`).join('  ');
  const long = `${order}   q quit   ${keys}  R reverse   arrows scroll`;
  return long.length <= width ? long : shortened(`${order}   q quit   sort ${Object.values(SORTS).join(' ')} R`, width);
}
