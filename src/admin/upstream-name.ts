// Which upstream a word means: its address, or the last part of its path.

import { basename } from 'node:path';

/** One upstream of one pool. */
export interface UpstreamRef {
  readonly pool: string;
  readonly upstream: string;
}

/** A pool as the status document has it. */
interface NamedPool {
  readonly name: string;
  readonly leaving: boolean;
  readonly upstreams: readonly { readonly name: string; readonly leaving: boolean }[];
}

export type UpstreamLookup =
  | { readonly kind: 'found'; readonly ref: UpstreamRef }
  /** No upstream has that name, or several have. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Names in an error message. */
const LISTED = 10;

/**
 * @param word the address of an upstream, or the last part of its path
 * @param pool undefined: any pool
 */
export function findUpstream(pools: readonly NamedPool[], word: string, pool: string | undefined): UpstreamLookup {
  const sought = pools.filter(({ name, leaving }) => !leaving && (pool === undefined || name === pool));
  if (pool !== undefined && sought.length === 0) {
    return unknown(`no pool '${pool}'; there are ${pools.map(({ name }) => name).join(', ')}`);
  }
  const all = sought.flatMap(({ name, upstreams }) =>
    upstreams.flatMap((upstream) => (upstream.leaving ? [] : [{ pool: name, upstream: upstream.name }])),
  );
  const exact = all.filter(({ upstream }) => upstream === word.replace(/^unix:/, ''));
  const found = exact.length > 0 ? exact : all.filter(({ upstream }) => basename(upstream) === word);
  const [ref, ...more] = found;
  if (ref === undefined) return unknown(`no upstream '${word}'; there are ${listed(all.map(({ upstream }) => upstream))}`);
  if (more.length === 0) return { kind: 'found', ref };
  const places = found.map((each) => `${each.upstream} in pool ${each.pool}`);
  return unknown(`'${word}' may be ${places.join(' or ')}: give the whole address, or --pool`);
}

function unknown(reason: string): UpstreamLookup {
  return { kind: 'unknown', reason };
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - LISTED;
  return more > 0 ? `${names.slice(0, LISTED).join(', ')} and ${more} more` : names.join(', ');
}
