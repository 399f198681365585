// Sticky: a request goes back to the upstream that its key names, and waits for it; one without
// goes where least is to do.

import type { Balancer, BalancerDeps, Candidate } from './balancer.ts';
import { leastConn } from './least-conn.ts';

interface Home<C> {
  readonly candidate: C;
  readonly token: string;
  /** Whether it is a candidate now. */
  free: boolean;
}

/**
 * An upstream that is only full is waited for. One that has left, is lifeless, or has failed this
 * request already is given up at once. No upstream is held free for those who belong there: its
 * slot goes to the first in the queue who may have it.
 */
export function sticky<C extends Candidate>({ token }: Pick<BalancerDeps, 'token'>): Balancer<C> {
  const others = leastConn<C>();
  const homes = new Map<C, Home<C>>();
  const byToken = new Map<string, Home<C>>();

  const join = (candidate: C): Home<C> => {
    const home = { candidate, token: token(candidate.name), free: false };
    homes.set(candidate, home);
    byToken.set(home.token, home);
    return home;
  };

  return {
    add: (candidate) => {
      const home = homes.get(candidate) ?? join(candidate);
      home.free = true;
      others.add(candidate);
    },
    remove: (candidate) => {
      // It may have joined the pool with all its slots taken.
      const home = homes.get(candidate) ?? join(candidate);
      home.free = false;
      others.remove(candidate);
    },
    leave: (candidate) => {
      const home = homes.get(candidate);
      homes.delete(candidate);
      // The token may stand for its successor at the same address by now.
      if (home !== undefined && byToken.get(home.token) === home) byToken.delete(home.token);
      others.leave(candidate);
    },
    pick: (avoid, key) => {
      const home = key === '' ? undefined : byToken.get(key);
      if (home !== undefined && !avoid.has(home.candidate)) {
        if (home.free) return home.candidate;
        if (!home.candidate.unreachable) return others.size > 0 ? 'later' : undefined;
      }
      return others.pick(avoid);
    },
  };
}
