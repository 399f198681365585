// Virtual time: what is to happen, in order of time; nothing waits.

interface Event {
  readonly at: number;
  /** Among events of one moment the one planned first comes first. */
  readonly sequence: number;
  readonly run: () => void;
}

/** A binary heap by time. */
export class Events {
  readonly #heap: Event[] = [];
  #now = 0;
  #sequence = 0;

  /** ms since the beginning. */
  get now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): void {
    this.#sequence += 1;
    const event = { at: Math.max(time, this.#now), sequence: this.#sequence, run };
    const heap = this.#heap;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(event, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  /** Runs everything, and what it plans, until nothing is left. */
  run(): void {
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      this.#now = event.at;
      event.run();
    }
  }

  #next(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || last === first) return first;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (left === undefined) break;
      const rightFirst = right !== undefined && before(right, left);
      const child = rightFirst ? right : left;
      if (!before(child, last)) break;
      heap[place] = child;
      place = 2 * place + (rightFirst ? 2 : 1);
    }
    heap[place] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.sequence < b.sequence;
}
