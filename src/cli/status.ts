// `fcgi-lb status`: what the running program does, for eyes, or as JSON.

import { systemClock } from '../core/clock.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { displayOptionsOf, sortOf } from './view/display-options.ts';
import { type Overview, overview } from './view/overview.ts';
import {
  type DisplayOptions,
  headLines,
  poolLines,
  SORT_NAMES,
  sorted,
  statesText,
  upstreamListing,
} from './view/status-view.ts';
import { shortened } from './view/table.ts';

export const SORT_OPTION = {
  name: 'sort',
  value: 'NAME',
  takes: SORT_NAMES,
  help: `order of the upstreams: ${SORT_NAMES.join(', ')}`,
} as const;

export const STATUS = {
  name: 'status',
  summary: 'show what the running program does',
  options: [
    { name: 'json', help: 'the answer of GET /status as it is' },
    SORT_OPTION,
    { name: 'all', help: 'on a terminal every upstream, however many there are' },
    ADMIN_OPTION,
    HELP_OPTION,
  ],
  about: [
    'Shows each pool with its queue, and each upstream with its state, what it is doing and how many of its slots are in use, how long it has been in that state, and why.',
    'Of more than 40 upstreams a terminal gets those with the most urgent state; a pipe or a file gets all. NO_COLOR=1 in the environment turns colours off.',
  ],
  exit: '0 when the program answers, whatever its state; 1 when it does not, 2 when the options make no sense.',
} as const satisfies Command;

/** Upstreams that a terminal gets unasked. */
const SHOWN = 40;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function status(words: readonly string[]): Promise<0> {
  const read = readCommand(words, STATUS);
  if (read === undefined) return 0;
  const { options } = read;
  const sort = sortOf(options.get('sort')?.[0]);
  const answer = await askStatus(adminClient(options, 'status'));
  if (options.has('json')) {
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return 0;
  }
  const sight: DisplayOptions = { ...displayOptionsOf(process.stdout, process.env), sort, rates: false };
  const limit = process.stdout.isTTY && !options.has('all') ? SHOWN : Number.POSITIVE_INFINITY;
  process.stdout.write(`${statusLines(overview(answer, systemClock.date()), sight, limit).join('\n')}\n`);
  return 0;
}

/**
 * @param limit of upstreams; of more than that the most urgent are shown, and one line counts the
 *   others by state
 */
export function statusLines(seen: Overview, sight: DisplayOptions, limit: number): readonly string[] {
  const many = seen.upstreams.length > limit;
  const rows = sorted(seen, many ? { ...sight, sort: sight.sort ?? 'state' } : sight);
  const lines = [...headLines(seen, sight), '', ...poolLines(seen, sight)];
  if (rows.length === 0) return lines;
  const shown = rows.slice(0, limit);
  const listing = upstreamListing(shown, sight, seen.pools.length > 1);
  lines.push('', ...listing.head, ...listing.rows);
  const states = new Map<string, number>();
  for (const { state } of rows.slice(limit)) states.set(state, (states.get(state) ?? 0) + 1);
  const rest = rows.length - shown.length;
  if (rest > 0) lines.push(shortened(`and ${rest} more: ${statesText(states)} (--all shows them)`, sight.width));
  return lines;
}
