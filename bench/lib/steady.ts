// The load under which things are changed: quick GETs and POSTs and some GETs of a second, at
// random moments; and what may have gone wrong with them.

import { existsSync, readFileSync } from 'node:fs';
import type { Shot } from './play.ts';
import { exponential, randomFrom } from './random.ts';

/** Requests a second: quick GETs and POSTs of 15 ms, and GETs of a second. */
export const RATES = { get: 60, post: 18, long: 2 } as const;

export function steadySchedule(seconds: number, seed: number): readonly Shot[] {
  const random = randomFrom(seed);
  const kinds = [
    { method: 'GET', rate: RATES.get, ms: 15 },
    { method: 'POST', rate: RATES.post, ms: 15 },
    { method: 'GET', rate: RATES.long, ms: 1000 },
  ] as const;
  const arrivals = kinds.flatMap(({ method, rate, ms }) => {
    const times: Array<{ readonly at: number; readonly method: 'GET' | 'POST'; readonly ms: number }> = [];
    for (let at = exponential(random, 1000 / rate); at < seconds * 1000; at += exponential(random, 1000 / rate)) {
      times.push({ at, method, ms });
    }
    return times;
  });
  return arrivals
    .sort((a, b) => a.at - b.at)
    .map(({ at, method, ms }, id) => ({ at, method, path: `/?ms=${ms}&id=${id}`, body: method === 'POST' ? 100 : 0 }));
}

/** For a program to warm up with. */
export function quickShots(count: number): readonly Shot[] {
  return Array.from({ length: count }, (_, at): Shot => ({ at: 0, method: 'GET', path: `/?ms=1&id=warm${at}`, body: 0 }));
}

/** Whether it is one of those that take a second anyway. */
export function isLong(shot: Shot | undefined): boolean {
  return shot?.path.includes('ms=1000') === true;
}

/** POSTs that more than one worker began. */
export function executedTwice(journal: string): number {
  const begun = new Map<string, number>();
  for (const line of existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : []) {
    const [what, method, id] = line.split(' ');
    if (what === 'begin' && method === 'POST') begun.set(id ?? '', (begun.get(id ?? '') ?? 0) + 1);
  }
  return [...begun.values()].filter((count) => count > 1).length;
}

/** Milliseconds since the epoch, with fractions. */
export function epoch(): number {
  return performance.timeOrigin + performance.now();
}
