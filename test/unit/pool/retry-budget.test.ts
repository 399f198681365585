// RetryBudget: how many second attempts there are for so many requests.

import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../src/pool/retry-budget.ts';

/** Attempts that can be had now. */
function spendAll(budget: RetryBudget): number {
  let spent = 0;
  while (spent < 10_000 && budget.spend()) spent += 1;
  return spent;
}

describe('the budget of second attempts', () => {
  it('has a hundred at the start, so that a pool that has just begun can afford some', () => {
    expect(spendAll(new RetryBudget(0.2))).toBe(100);
  });

  it('has as many as its share of the requests once the reserve is spent', () => {
    for (const [share, requests, attempts] of [
      [0.25, 100, 25],
      [1, 50, 50],
      [0.25, 3, 0],
      [0.25, 4, 1],
    ] as const) {
      const budget = new RetryBudget(share);
      spendAll(budget);
      for (let i = 0; i < requests; i += 1) budget.deposit();
      expect([share, requests, spendAll(budget)]).toEqual([share, requests, attempts]);
    }
  });

  it('does not save up more than the reserve in quiet times', () => {
    const budget = new RetryBudget(1);
    for (let i = 0; i < 100_000; i += 1) budget.deposit();
    expect(spendAll(budget)).toBe(100);
  });

  it('has none at all when the share is 0, not even at the start', () => {
    const budget = new RetryBudget(0);
    for (let i = 0; i < 1000; i += 1) budget.deposit();
    expect(spendAll(budget)).toBe(0);
  });
});
