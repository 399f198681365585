// What the commands that change one upstream have in common: the word that names it, and the
// request for the change.

import { type AdminAnswer, type AdminClient, AdminError } from '../admin/client.ts';
import type { OperatorAction, UpstreamStatus } from '../admin/status.ts';
import { findUpstream } from '../admin/upstream-name.ts';
import { ConfigError } from '../core/errors.ts';
import { askStatus, errorIn } from './admin.ts';
import type { Operand } from './command.ts';

export const UPSTREAM_OPERAND = { name: 'UPSTREAM', what: 'an upstream', takes: 'upstream' } as const satisfies Operand;

export const UPSTREAM_ABOUT = 'UPSTREAM is an address, or the last part of its path: /run/rt1.sock or rt1.sock.';
export const ACTION_EXIT =
  '0 when it was done, 1 when the program does not answer, 2 when there is no such upstream, 3 when it is not permitted.';

/** The change, and its argument. */
export type Change = { readonly verb: OperatorAction } | { readonly verb: 'weight'; readonly weight: number };

/** The upstream after the change. */
export interface Changed {
  readonly pool: string;
  readonly upstream: UpstreamStatus;
}

/**
 * @param word the address of an upstream, or the last part of its path
 * @param pool looked for in this pool only
 * @throws AdminError; ConfigError when the word means no upstream, or several
 */
export async function requestAction(
  client: AdminClient,
  change: Change,
  word: string,
  pool: string | undefined,
): Promise<Changed> {
  const query = pool === undefined ? '' : `?pool=${encodeURIComponent(pool)}`;
  const post = (upstream: string, more: string): Promise<AdminAnswer> => {
    const options = change.verb === 'weight' ? { body: { weight: change.weight } } : {};
    return client.ask('POST', `${upstream}/${change.verb}${more}`, options);
  };
  let answer = await post(`/upstreams/${encodeURIComponent(word)}`, query);
  if (isUnknownPath(answer)) {
    const lookup = findUpstream((await askStatus(client)).pools, word, pool);
    if (lookup.kind === 'unknown') throw new ConfigError(lookup.reason);
    const { ref } = lookup;
    answer = await post(`/pools/${encodeURIComponent(ref.pool)}/upstreams/${encodeURIComponent(ref.upstream)}`, '');
  } else if (answer.status === 404) {
    throw new ConfigError(errorIn(answer.body, answer.status));
  }
  if (answer.status !== 200) throw new AdminError(errorIn(answer.body, answer.status));
  return answer.body as Changed;
}

/**
 * Whether the program does not know the path: one of an earlier version wants the pool in it, and a
 * new command may meet it until the upgrade. Fastify's own 404 has a `statusCode`, the answer about
 * an unknown upstream has none.
 */
function isUnknownPath({ status, body }: AdminAnswer): boolean {
  return status === 404 && typeof body === 'object' && body !== null && 'statusCode' in body;
}
