// Events: the latest are kept, and whoever listens is told, until it has heard enough.

import { expect, it } from 'vitest';
import { Events, type OperatorEvent } from '../../../src/core/events.ts';

function joined(number: number): OperatorEvent {
  return { kind: 'member', at: new Date(0), pool: 'rt', upstream: `/run/rt${number}.sock`, is: 'joined' };
}

it('keeps the latest 200, oldest first', () => {
  const events = new Events();
  for (let number = 1; number <= 203; number += 1) events.record(joined(number));
  expect(events.recent).toHaveLength(200);
  expect(events.recent[0]).toEqual(joined(4));
  expect(events.recent.at(-1)).toEqual(joined(203));
});

it('tells every listener, until its subscription ends', () => {
  const events = new Events();
  const first: OperatorEvent[] = [];
  const second: OperatorEvent[] = [];
  const end = events.subscribe((event) => first.push(event));
  events.subscribe((event) => second.push(event));
  events.record(joined(1));
  end();
  events.record(joined(2));
  expect(first).toEqual([joined(1)]);
  expect(second).toEqual([joined(1), joined(2)]);
});
