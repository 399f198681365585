// WaitQueue against a plain array that says what its order should be.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QueueEntry, WaitQueue } from '../../../src/pool/queue.ts';

interface Model {
  now: number;
  /** Who waits, in order. */
  waiting: QueueEntry<number>[];
  /** Everybody who ever waited. */
  readonly all: QueueEntry<number>[];
}

type Command = fc.Command<Model, WaitQueue<number>>;

const TIMEOUT = 1000;

/** Both sides agree on who is first and how many there are. */
function agree(model: Model, queue: WaitQueue<number>): void {
  expect(queue.size).toBe(model.waiting.length);
  expect(queue.first).toBe(model.waiting[0]);
}

class Enter implements Command {
  readonly #after: number;
  constructor(after: number) {
    this.#after = after;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, queue: WaitQueue<number>): void {
    model.now += this.#after;
    const place = queue.enter(model.all.length, model.now + TIMEOUT);
    model.all.push(place);
    model.waiting.push(place);
    agree(model, queue);
  }
  toString(): string {
    return `enter ${this.#after} ms later`;
  }
}

class EnterAgain implements Command {
  readonly #who: number;
  constructor(who: number) {
    this.#who = who;
  }
  check(model: Readonly<Model>): boolean {
    return model.all.length > model.waiting.length;
  }
  run(model: Model, queue: WaitQueue<number>): void {
    const left = model.all.filter((place) => !model.waiting.includes(place));
    const { item, deadline } = left[this.#who % left.length] ?? { item: -1, deadline: 0 };
    const place = queue.enterAgain(item, deadline);
    expect(place).toMatchObject({ item, deadline });
    const at = model.waiting.findIndex((other) => other.deadline >= deadline);
    model.waiting.splice(at === -1 ? model.waiting.length : at, 0, place);
    model.all.push(place);
    agree(model, queue);
  }
  toString(): string {
    return `enter again ${this.#who}`;
  }
}

class Leave implements Command {
  readonly #who: number;
  constructor(who: number) {
    this.#who = who;
  }
  check(model: Readonly<Model>): boolean {
    return model.all.length > 0;
  }
  run(model: Model, queue: WaitQueue<number>): void {
    // Often somebody who has left before: nothing may happen then.
    const place = model.all[this.#who % model.all.length];
    if (place === undefined) return;
    expect(queue.leave(place)).toBe(model.waiting.includes(place));
    model.waiting = model.waiting.filter((other) => other !== place);
    agree(model, queue);
  }
  toString(): string {
    return `leave ${this.#who}`;
  }
}

class ServeFirst implements Command {
  check(model: Readonly<Model>): boolean {
    return model.waiting.length > 0;
  }
  run(model: Model, queue: WaitQueue<number>): void {
    const first = model.waiting.shift();
    if (first !== undefined) expect(queue.leave(first)).toBe(true);
    agree(model, queue);
  }
  toString(): string {
    return 'serve the first';
  }
}

/** Everybody, in the order in which they are served. */
function drain(queue: WaitQueue<number>): readonly number[] {
  const order: number[] = [];
  for (let place = queue.first; place !== undefined; place = queue.first) {
    order.push(place.item);
    queue.leave(place);
  }
  return order;
}

describe('WaitQueue', () => {
  it('keeps the order of an array that is searched from end to end', () => {
    const commands = fc.commands(
      [
        fc.constantFrom(0, 0.5, 3).map((after) => new Enter(after)),
        fc.nat(200).map((who) => new EnterAgain(who)),
        fc.nat(200).map((who) => new Leave(who)),
        fc.constant(new ServeFirst()),
      ],
      { maxCommands: 80 },
    );
    fc.assert(
      fc.property(commands, (list) => {
        const model: Model = { now: 0, waiting: [], all: [] };
        const queue = new WaitQueue<number>();
        fc.modelRun(() => ({ model, real: queue }), list);
        expect(drain(queue)).toEqual(model.waiting.map(({ item }) => item));
        expect(queue.size).toBe(0);
        expect(queue.first).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('serves first who came first', () => {
    const queue = new WaitQueue<number>();
    for (let i = 0; i < 5; i += 1) queue.enter(i, 100);
    expect(drain(queue)).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives one who comes back the turn of before', () => {
    const queue = new WaitQueue<number>();
    const first = queue.enter(1, 100);
    queue.enter(2, 200);
    queue.enter(3, 300);
    queue.leave(first);
    queue.enterAgain(1, first.deadline);
    expect(drain(queue)).toEqual([1, 2, 3]);
  });

  it('keeps the order by deadline even if a newcomer waits less long', () => {
    const queue = new WaitQueue<number>();
    queue.enter(1, 300);
    queue.enter(2, 200);
    queue.enter(3, 200);
    expect(drain(queue)).toEqual([2, 3, 1]);
  });

  it('lets each leave once, and nobody who holds no place', () => {
    const queue = new WaitQueue<number>();
    const place = queue.enter(1, 100);
    expect(queue.leave({ item: 1, deadline: 100, since: 0 })).toBe(false);
    expect(queue.leave(place)).toBe(true);
    expect(queue.leave(place)).toBe(false);
    expect(queue.size).toBe(0);
  });

  it('lets a hundred thousand leave from its middle without walking it', () => {
    const queue = new WaitQueue<number>();
    const places = Array.from({ length: 100_000 }, (_, index) => queue.enter(index, index));
    const started = performance.now();
    // From the middle outwards: the farthest way from both ends.
    for (let i = 0; i < 50_000; i += 1) {
      for (const place of [places[50_000 + i], places[49_999 - i]]) if (place !== undefined) queue.leave(place);
    }
    expect(queue.size).toBe(0);
    // A walk to each place would take billions of steps.
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
