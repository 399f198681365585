// A simulated pool: a real balancer, one queue, and what this front end knows of the workers it
// sends requests to.

import type { Balancer, Candidate } from '../../src/balance/balancer.ts';
import { HeadTime } from '../../src/balance/head-time.ts';
import { WaitQueue } from '../../src/pool/queue.ts';
import type { Events } from './events.ts';
import type { SimulatedWorker } from './worker.ts';

const NOBODY: ReadonlySet<View> = new Set();

/** A worker as one front end sees it. */
export class View implements Candidate {
  readonly worker: SimulatedWorker;
  readonly name: string;
  readonly weight: number;
  readonly order: number;
  readonly index: number;
  readonly unreachable = false;
  readonly warming = false;
  readonly slots: number;
  inFlight = 0;
  readonly #headTime = new HeadTime();

  constructor(worker: SimulatedWorker, weight: number, order: number, slots: number) {
    this.worker = worker;
    this.name = worker.name;
    this.weight = weight;
    this.order = order;
    this.index = order;
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
  readonly client: string;
  /** Which front end it comes to. */
  readonly front: number;
}

/** What a balancer may know a request by, and what its client is given with the answer. */
export interface Keys {
  of(arrival: Arrival): string;
  answered(arrival: Arrival, view: View): void;
}

/** Tells its balancer what src/pool/pool.ts tells it, at the same moments. */
export class Front {
  readonly #balancer: Balancer<View>;
  readonly #keys: Keys;
  readonly #events: Events;
  readonly #finished: (arrival: Arrival) => void;
  readonly #queue = new WaitQueue<{ readonly arrival: Arrival; readonly key: string }>();

  constructor(
    views: readonly View[],
    balancer: Balancer<View>,
    keys: Keys,
    events: Events,
    finished: (arrival: Arrival) => void,
  ) {
    this.#balancer = balancer;
    this.#keys = keys;
    this.#events = events;
    this.#finished = finished;
    for (const view of views) this.#refresh(view);
  }

  arrive(arrival: Arrival): void {
    const key = this.#keys.of(arrival);
    const view = this.#balancer.pick(NOBODY, key);
    if (view === undefined || view === 'later') this.#queue.enter({ arrival, key }, arrival.at);
    else this.#begin(view, arrival);
  }

  #begin(view: View, arrival: Arrival): void {
    const began = this.#events.now;
    view.inFlight += 1;
    this.#refresh(view);
    view.worker.begin(view.worker.needs(arrival), () => {
      view.inFlight -= 1;
      view.answered(this.#events.now - began);
      this.#keys.answered(arrival, view);
      this.#finished(arrival);
      this.#refresh(view);
      this.#serve();
    });
  }

  #refresh(view: View): void {
    if (view.inFlight >= view.slots) this.#balancer.remove(view);
    else this.#balancer.add(view);
  }

  #serve(): void {
    let place = this.#queue.first;
    while (place !== undefined) {
      const view = this.#balancer.pick(NOBODY, place.item.key);
      if (view === undefined) return;
      if (view === 'later') {
        place = this.#queue.after(place);
        continue;
      }
      this.#queue.leave(place);
      this.#begin(view, place.item.arrival);
      place = this.#queue.first;
    }
  }
}
