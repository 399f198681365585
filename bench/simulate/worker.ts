// A simulated worker: one processor that it divides evenly among the requests it has (processor
// sharing).

import type { Events } from './events.ts';

interface Job {
  /** Progress of the worker at which the job is finished. */
  readonly finish: number;
  readonly done: () => void;
}

/** What a worker keeps of the clients it had last, and what that is worth. */
export interface Memory {
  readonly clients: number;
  /** The part of its work that a request of such a client needs. */
  readonly known: number;
}

/**
 * Progress is the ms of work that a request present all the time would have had. It grows with the
 * speed divided by the number of requests, so that only the earliest finish is to be watched. With
 * one request at a time it is a plain server.
 */
export class SimulatedWorker {
  readonly name: string;
  readonly speed: number;
  readonly #events: Events;
  /** Earliest finish first. */
  readonly #jobs: Job[] = [];
  #progress = 0;
  #since = 0;
  /** Counts changes: an alarm that was set before the last one means nothing. */
  #change = 0;
  #served = 0;
  readonly #memory: Memory | undefined;
  /** The client seen longest ago first. */
  readonly #clients = new Set<string>();

  /** @param speed ms of work it does in a ms when it has one request */
  constructor(name: string, speed: number, events: Events, memory?: Memory) {
    this.name = name;
    this.speed = speed;
    this.#events = events;
    this.#memory = memory;
  }

  /** Requests finished. */
  get served(): number {
    return this.#served;
  }

  /** ms of work that a request is here; its client is remembered from now on. */
  needs({ work, client }: { readonly work: number; readonly client: string }): number {
    if (this.#memory === undefined) return work;
    const known = this.#clients.delete(client);
    this.#clients.add(client);
    if (this.#clients.size > this.#memory.clients) {
      const [oldest] = this.#clients;
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
    return known ? work * this.#memory.known : work;
  }

  begin(work: number, done: () => void): void {
    this.#proceed();
    const job = { finish: this.#progress + work, done };
    this.#jobs.splice(this.#placeOf(job.finish), 0, job);
    this.#watch();
  }

  /** After all that finish not later. */
  #placeOf(finish: number): number {
    let [low, high] = [0, this.#jobs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#jobs[middle]?.finish ?? 0) <= finish) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #proceed(): void {
    const { now } = this.#events;
    if (this.#jobs.length > 0) this.#progress += ((now - this.#since) * this.speed) / this.#jobs.length;
    this.#since = now;
  }

  #watch(): void {
    this.#change += 1;
    const change = this.#change;
    const first = this.#jobs[0];
    if (first === undefined) return;
    const left = ((first.finish - this.#progress) * this.#jobs.length) / this.speed;
    this.#events.at(this.#events.now + left, () => {
      if (change !== this.#change) return;
      this.#proceed();
      this.#progress = first.finish;
      this.#jobs.shift();
      this.#served += 1;
      this.#watch();
      first.done();
    });
  }
}
