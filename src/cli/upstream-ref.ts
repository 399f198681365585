// What the commands that change one upstream have in common: they find the one that a word means,
// and ask the program for the change.

import { basename } from 'node:path';
import type { AdminClient } from '../admin/client.ts';
import { AdminError } from '../admin/client.ts';
import type { OperatorAction, Status, UpstreamStatus } from '../admin/status.ts';
import { ConfigError } from '../core/errors.ts';
import { askStatus, errorIn } from './admin.ts';
import type { Operand } from './command.ts';

export const UPSTREAM_OPERAND = { name: 'UPSTREAM', what: 'an upstream', takes: 'upstream' } as const satisfies Operand;

export const UPSTREAM_ABOUT = 'UPSTREAM is an address, or the last part of its path: /run/rt1.sock or rt1.sock.';
export const ACTION_EXIT =
  '0 when it was done, 1 when the program does not answer, 2 when there is no such upstream, 3 when it is not permitted.';

export interface UpstreamRef {
  readonly pool: string;
  readonly upstream: string;
}

/** The change, and what goes with it. */
export type Change = { readonly verb: OperatorAction } | { readonly verb: 'weight'; readonly body: { readonly weight: number } };

/**
 * @param word its address, or the last part of its path
 * @param pool looked for in this pool only
 * @throws AdminError; ConfigError when the word means no upstream, or several
 */
export async function requestAction(
  client: AdminClient,
  change: Change,
  word: string | undefined,
  pool: string | undefined,
): Promise<UpstreamRef> {
  const meant = resolveUpstream(await askStatus(client), word ?? '', pool);
  const path = `/pools/${encodeURIComponent(meant.pool)}/upstreams/${encodeURIComponent(meant.upstream)}/${change.verb}`;
  const { status, body } = await client.ask('POST', path, 'body' in change ? { body: change.body } : {});
  if (status !== 200) throw new AdminError(errorIn(body, status));
  return meant;
}

/** @throws ConfigError */
export function resolveUpstream({ pools }: Status, word: string, only: string | undefined): UpstreamRef {
  const looked = pools.filter((pool) => !pool.leaving && (only === undefined || pool.name === only));
  if (only !== undefined && looked.length === 0) {
    throw new ConfigError(`no pool '${only}'; there are ${pools.map(({ name }) => name).join(', ')}`);
  }
  const all = looked.flatMap((pool) =>
    pool.upstreams.flatMap(({ name, leaving }) => (leaving ? [] : [{ pool: pool.name, upstream: name }])),
  );
  const exact = all.filter(({ upstream }) => upstream === word.replace(/^unix:/, ''));
  const found = exact.length > 0 ? exact : all.filter(({ upstream }) => basename(upstream) === word);
  const [one, ...more] = found;
  if (one === undefined) {
    const names = all.map(({ upstream }) => upstream);
    const shown = names.length > 10 ? `${names.slice(0, 10).join(', ')} and ${names.length - 10} more` : names.join(', ');
    throw new ConfigError(`no upstream '${word}'; there are ${shown || 'none'}`);
  }
  if (more.length > 0) {
    const shown = found.map(({ pool, upstream }) => `${upstream} in pool ${pool}`);
    throw new ConfigError(`'${word}' may be ${shown.join(' or ')}: give the whole address, or --pool`);
  }
  return one;
}

/** Whatever runs at that address in that pool, those that have left it included. */
export function entriesFor(status: Status, { pool, upstream }: UpstreamRef): readonly UpstreamStatus[] {
  return status.pools.flatMap((each) => (each.name === pool ? each.upstreams.filter(({ name }) => name === upstream) : []));
}
