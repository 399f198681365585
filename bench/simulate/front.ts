// A simulated pool: a real balancer, one queue, and what this front end knows of the workers it sends requests to.

import type { Balancer, Candidate } from '../../src/balance/balancer.ts';
import { HeadTime } from '../../src/balance/head-time.ts';
import type { Events } from './events.ts';
import type { SimulatedWorker } from './worker.ts';

const NOBODY: ReadonlySet<View> = new Set();

/** A worker as one front end sees it. */
export class View implements Candidate {
  readonly worker: SimulatedWorker;
  readonly name: string;
  readonly weight: number;
  readonly order: number;
  readonly slots: number;
  inFlight = 0;
  readonly #headTime = new HeadTime();

  constructor(worker: SimulatedWorker, weight: number, order: number, slots: number) {
    this.worker = worker;
    this.name = worker.name;
    this.weight = weight;
    this.order = order;
    this.slots = slots;
  }

  get headTime(): number | undefined {
    return this.#headTime.ms;
  }

  /** A request was answered after so many ms; the head comes with the end. */
  answered(ms: number): void {
    this.#headTime.add(ms);
  }
}

export interface Arrival {
  readonly at: number;
  /** ms of work. */
  readonly work: number;
  readonly key: string;
  /** Which front end it comes to. */
  readonly front: number;
}

/** Tells its balancer what src/pool/pool.ts tells it, at the same moments. */
export class Front {
  readonly #balancer: Balancer<View>;
  readonly #events: Events;
  readonly #finished: (arrival: Arrival) => void;
  readonly #queue: Arrival[] = [];
  /** Where the queue begins: shifting a long list would be slow. */
  #head = 0;

  constructor(views: readonly View[], balancer: Balancer<View>, events: Events, finished: (arrival: Arrival) => void) {
    this.#balancer = balancer;
    this.#events = events;
    this.#finished = finished;
    for (const view of views) this.#refresh(view);
  }

  arrive(arrival: Arrival): void {
    const view = this.#head === this.#queue.length ? this.#balancer.pick(NOBODY, arrival.key) : undefined;
    if (view === undefined) this.#queue.push(arrival);
    else this.#begin(view, arrival);
  }

  #begin(view: View, arrival: Arrival): void {
    const began = this.#events.now;
    view.inFlight += 1;
    this.#refresh(view);
    view.worker.begin(arrival.work, () => {
      view.inFlight -= 1;
      view.answered(this.#events.now - began);
      this.#finished(arrival);
      this.#refresh(view);
      this.#serve();
    });
  }

  #refresh(view: View): void {
    if (view.inFlight >= view.slots) {
      this.#balancer.remove(view);
      return;
    }
    this.#balancer.add(view);
    this.#balancer.update(view);
  }

  #serve(): void {
    for (let next = this.#queue[this.#head]; next !== undefined; next = this.#queue[this.#head]) {
      const view = this.#balancer.pick(NOBODY, next.key);
      if (view === undefined) return;
      this.#head += 1;
      this.#begin(view, next);
    }
  }
}
