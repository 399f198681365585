// The simulation of balancers: repeatable, complete, and right where the result is known
// beforehand.

import { describe, expect, it } from 'vitest';
import { Events } from '../../../bench/simulate/events.ts';
import { MIXES } from '../../../bench/simulate/mixes.ts';
import { seeded } from '../../../bench/simulate/random.ts';
import { quantile } from '../../../bench/simulate/report.ts';
import { simulate } from '../../../bench/simulate/run.ts';
import { arrivals, simulateOne } from '../../../bench/simulate/simulation.ts';
import { SimulatedWorker } from '../../../bench/simulate/worker.ts';
import { NAMES } from '../../support/parts/balancer-parts.ts';

describe('the simulation', () => {
  it('gives the same report every time, with every balancer in every situation', () => {
    const report = simulate(true);
    expect(simulate(true)).toBe(report);
    for (const { title } of MIXES) expect(report).toContain(title);
    for (const name of NAMES) expect(report.match(new RegExp(`^${name} `, 'gm'))).toHaveLength(MIXES.length);
  });

  it('finishes every request, none sooner than its work takes, and counts each at one worker', () => {
    for (const mix of MIXES) {
      const requests = arrivals(mix, 500, 3);
      const quickest = Math.max(...mix.speeds) / (mix.memory?.known ?? 1);
      for (const name of NAMES) {
        const { latencies, shares } = simulateOne(mix, name, requests, 3);
        expect(latencies).toHaveLength(500);
        expect(latencies[0]).toBeGreaterThan(10 / quickest - 1e-6);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
      }
    }
  });

  it('takes other numbers for another seed, and the same for the same', () => {
    const some = (seed: number): readonly number[] => Array.from({ length: 20 }, seeded(seed));
    expect(some(1)).toEqual(some(1));
    expect(some(1)).not.toEqual(some(2));
    const many = Array.from({ length: 10_000 }, seeded(1));
    expect(many.every((one) => one >= 0 && one < 1)).toBe(true);
    expect(many.reduce((sum, one) => sum + one, 0) / many.length).toBeCloseTo(0.5, 1);
  });

  it('shares a worker evenly among its requests', () => {
    const events = new Events();
    const worker = new SimulatedWorker('w', 2, events);
    const done: Array<readonly [string, number]> = [];
    const begin = (name: string, work: number): void => worker.begin(work, () => done.push([name, events.now]));
    events.at(0, () => begin('long', 100));
    events.at(10, () => begin('short', 20));
    events.run();
    // Alone until 10 (20 done); then both at half the speed: the short one is done at 30; the long
    // one has 60 left.
    expect(done).toEqual([
      ['short', 30],
      ['long', 60],
    ]);
    expect(worker.served).toBe(2);
  });

  it('runs what is planned in order of time, and of planning within one moment', () => {
    const events = new Events();
    const seen: string[] = [];
    for (const [name, at] of [
      ['d', 9],
      ['b', 5],
      ['a', 1],
      ['c', 5],
    ] as const)
      events.at(at, () => seen.push(`${name}${events.now}`));
    events.run();
    expect(seen).toEqual(['a1', 'b5', 'c5', 'd9']);
  });

  it('takes quantiles from what was seen', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.95, 0.99, 1].map((share) => quantile(values, share))).toEqual([50, 95, 99, 100]);
    expect(quantile([7], 0.5)).toBe(7);
  });
});
