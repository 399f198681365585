// Durations of one kind: all since the start, and those of the last minute.

import { Histogram } from './histogram.ts';
import { type Percentiles, SlidingHistogram } from './sliding-histogram.ts';

export class DurationStats {
  readonly all = new Histogram();
  readonly #recent = new SlidingHistogram();

  /** @param now clock ms */
  add(ms: number, now: number): void {
    this.all.add(ms);
    this.#recent.add(ms, now);
  }

  /** Of the last minute or so; undefined when there were none. */
  percentiles(now: number): Percentiles | undefined {
    return this.#recent.percentiles(now);
  }
}
