// The upstreams that serve one application, and the queue of requests that none of them can take
// yet.

import type { Balancer } from '../balance/balancer.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { IndexAllocator } from './index-allocator.ts';
import { Lease } from './lease.ts';
import { Outage } from './outage.ts';
import { PoolCounts, type Rejection } from './pool-counts.ts';
import { type QueueEntry, WaitQueue } from './queue.ts';

/**
 * Who asks for an upstream. Exactly one of the two is called, once, possibly before `acquire`
 * returns.
 */
export interface Waiter {
  /** Upstreams that failed this request already; others are preferred. */
  readonly tried: ReadonlySet<Upstream> | undefined;
  /** What requests that belong together have in common; empty when nothing. */
  readonly key: string;
  granted(lease: Lease): void;
  refused(error: ProxyError): void;
}

export interface QueueSettings {
  /** Requests that may wait. */
  readonly size: number;
  /** ms that one may wait. */
  readonly timeout: number;
  /** ms since the last sign of life of any upstream after which nobody waits any longer. */
  readonly failFastAfter: number;
}

/**
 * Invariants:
 * 1. An upstream is known to the balancer exactly while it is `available`; `#refresh` alone sees to
 *    that.
 * 2. While the queue is not empty, nobody in it may have an upstream that is available; usually
 *    none is, but some may wait for one of their own (`later`), and backups for the primaries to
 *    fail. A slot that becomes free goes to the first in the queue who may have it in the same
 *    tick, and newcomers take only what nobody before them may have.
 * 3. Every waiter hears `granted` or `refused` once, or has cancelled.
 */
export class Pool {
  readonly name: string;
  /**
   * The pool itself counts who waits and who is refused; requests are counted by those who follow
   * them to their end.
   */
  readonly counts = new PoolCounts();
  #queueSettings: QueueSettings;
  #balancer: Balancer<Upstream>;
  readonly #clock: Clock;
  readonly #nobody: ReadonlySet<Upstream> = new Set();
  readonly #upstreams = new Set<Upstream>();
  readonly #places = new IndexAllocator();
  /** Removed, but not yet done with what they hold. */
  readonly #leaving = new Set<Upstream>();
  readonly #queue = new WaitQueue<Waiter>();
  readonly #outage: Outage;
  #deadlineTimer: { readonly at: number; readonly timer: Timer } | undefined;
  #serving = false;
  #closed = false;
  /** Requests that may still ask for an upstream, or hold one. */
  #users = 0;
  #onUnused: (() => void) | undefined;

  constructor(name: string, queue: QueueSettings, balancer: Balancer<Upstream>, clock: Clock) {
    this.name = name;
    this.#queueSettings = queue;
    this.#balancer = balancer;
    this.#clock = clock;
    this.#outage = new Outage(clock, queue.failFastAfter);
  }

  get upstreams(): ReadonlySet<Upstream> {
    return this.#upstreams;
  }

  /** Upstreams that have left and still hold requests. */
  get leaving(): ReadonlySet<Upstream> {
    return this.#leaving;
  }

  /** Requests waiting now. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** ms that the one who waits longest has waited so far; undefined while nobody waits. */
  get oldestWait(): number | undefined {
    let since: number | undefined;
    for (let place = this.#queue.first; place !== undefined; place = this.#queue.after(place)) {
      since = Math.min(since ?? place.since, place.since);
    }
    return since === undefined ? undefined : this.#clock.now() - since;
  }

  /**
   * Other settings hold from now on. Those who wait keep their places and deadlines.
   * @param balancer undefined: the present one goes on, with all that it knows
   */
  reconfigure(queue: QueueSettings, balancer: Balancer<Upstream> | undefined): void {
    this.#queueSettings = queue;
    this.#outage.reconfigure(queue.failFastAfter);
    if (balancer !== undefined) {
      this.#balancer = balancer;
      // Nobody is served before the new one has heard of all: it would send away who is to wait for
      // one of his own.
      this.#serving = true;
      for (const upstream of this.#upstreams) this.#refresh(upstream);
      this.#serving = false;
    }
    this.#serve();
    this.#watchDeadline();
  }

  /** A request is on its way to the pool; `leave` must follow, once. */
  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (!this.used) this.#onUnused?.();
  }

  /**
   * Whether a request is on its way to the pool, waits in it or is served by it, or a worker is at
   * one whose client has left.
   */
  get used(): boolean {
    if (this.#users > 0 || this.#leaving.size > 0) return true;
    for (const upstream of this.#upstreams) if (upstream.inFlight > 0) return true;
    return false;
  }

  /** Resolves when it is no longer `used`. One caller at a time. */
  async unused(): Promise<void> {
    if (!this.used) return;
    await new Promise<void>((resolve) => {
      this.#onUnused = resolve;
    });
  }

  /** @param upstream a new one, or one that is `leaving` and comes back with what it holds */
  add(upstream: Upstream): void {
    this.#leaving.delete(upstream);
    this.#upstreams.add(upstream);
    upstream.index = this.#places.take();
    this.#outage.joined(upstream);
    this.#refresh(upstream);
  }

  /** The upstream gets nothing more; what it holds it finishes. */
  remove(upstream: Upstream): void {
    if (!this.#upstreams.delete(upstream)) return;
    this.#balancer.leave(upstream);
    this.#places.give(upstream.index);
    upstream.index = -1;
    this.#outage.left(upstream);
    if (upstream.inFlight > 0) this.#leaving.add(upstream);
    upstream.want('drain', 'left the pool');
    // Whoever waited for this very one may now have another.
    this.#serve();
    this.#watchDeadline();
  }

  /** To be called by an upstream whenever its availability or load may have changed. */
  readonly changed = (upstream: Upstream): void => {
    if (upstream.index !== -1) this.#refresh(upstream);
    else if (upstream.inFlight === 0) this.#leaving.delete(upstream);
    if (this.#onUnused !== undefined && !this.used) this.#onUnused();
  };

  /**
   * Asks for an upstream with a free slot: granted at once if there is one and nobody waits, else
   * from the queue.
   * @param deadline clock time (ms) until which to wait, for a request that comes back after an
   *   attempt: it is not refused for a full queue, and with the deadline it had before it has its
   *   turn of before
   * @returns the place in the queue, to be given to `cancel` when the client leaves; undefined when
   *   the answer has been given
   */
  acquire(waiter: Waiter, deadline?: number): QueueEntry<Waiter> | undefined {
    if (this.#closed) {
      this.#refuse(waiter, 'FCGI_LB_POOL_CLOSED', 'it is shutting down');
      return undefined;
    }
    // In the middle of serving, those who wait have not all been asked yet.
    if (this.#queue.size === 0 || !this.#serving) {
      const upstream = this.#balancer.pick(waiter.tried ?? this.#nobody, waiter.key);
      if (upstream !== undefined && upstream !== 'later') {
        this.#grant(upstream, waiter);
        return undefined;
      }
    }
    if (this.#outage.hopeless) {
      this.#refuseDown(waiter);
      return undefined;
    }
    if (deadline === undefined && this.#queue.size >= this.#queueSettings.size) {
      this.#refuse(waiter, 'FCGI_LB_QUEUE_FULL', `${this.#queue.size} requests wait already; ${this.#describe()}`);
      return undefined;
    }
    const now = this.#clock.now();
    const place =
      deadline === undefined
        ? this.#queue.enter(waiter, now + this.#queueSettings.timeout, now)
        : this.#queue.enterAgain(waiter, deadline, now);
    this.#watchDeadline();
    return place;
  }

  /** The deadline (clock ms) of a request that begins to wait now. */
  deadline(): number {
    return this.#clock.now() + this.#queueSettings.timeout;
  }

  /** The client has left: its place is given up. */
  cancel(place: QueueEntry<Waiter>): void {
    this.#leave(place);
  }

  /** Refuses all who wait and all who come, and ends every exchange now. */
  destroy(): void {
    this.#closed = true;
    this.#deadlineTimer?.timer.cancel();
    for (let place = this.#queue.first; place !== undefined; place = this.#queue.first) {
      this.#leave(place);
      this.#refuse(place.item, 'FCGI_LB_POOL_CLOSED', 'it is shutting down');
    }
    for (const upstream of [...this.#upstreams, ...this.#leaving]) upstream.destroy();
  }

  #refresh(upstream: Upstream): void {
    this.#outage.update(upstream);
    if (!upstream.available) {
      this.#balancer.remove(upstream);
      if (!upstream.unreachable) return;
      // Whoever waited for this very one may now have another.
      this.#serve();
      this.#watchDeadline();
      return;
    }
    this.#balancer.add(upstream);
    this.#serve();
  }

  /**
   * Gives what is free to those who wait, in order, passing by those who wait for one of their own:
   * at most the whole queue for each slot that is given, and only where such a wait exists. A
   * waiter that is served may release its lease at once, and anything may have changed: hence the
   * guard, and the new start from the first.
   */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      let place = this.#queue.first;
      while (place !== undefined) {
        const upstream = this.#balancer.pick(place.item.tried ?? this.#nobody, place.item.key);
        if (upstream === undefined) return;
        if (upstream === 'later') {
          place = this.#queue.after(place);
          continue;
        }
        this.#leave(place);
        this.#grant(upstream, place.item);
        place = this.#queue.first;
      }
    } finally {
      this.#serving = false;
    }
  }

  #grant(upstream: Upstream, waiter: Waiter): void {
    upstream.take();
    waiter.granted(new Lease(upstream));
  }

  /**
   * One timer for all: it is set for whoever waits longest, or for the moment when waiting makes no
   * sense any more.
   */
  #watchDeadline(): void {
    const first = this.#queue.first;
    if (first === undefined) return;
    const at = Math.min(first.deadline, this.#outage.deadline ?? Number.POSITIVE_INFINITY);
    if (this.#deadlineTimer !== undefined && this.#deadlineTimer.at <= at) return;
    this.#deadlineTimer?.timer.cancel();
    const ms = Math.max(1, Math.ceil(at - this.#clock.now()));
    this.#deadlineTimer = { at, timer: this.#clock.after(ms, () => this.#expire()) };
  }

  #expire(): void {
    this.#deadlineTimer = undefined;
    const now = this.#clock.now();
    const { hopeless } = this.#outage;
    for (let place = this.#queue.first; place !== undefined && (hopeless || place.deadline <= now); place = this.#queue.first) {
      this.#leave(place);
      if (place.deadline > now) {
        this.#refuseDown(place.item);
        continue;
      }
      const { timeout } = this.#queueSettings;
      this.#refuse(place.item, 'FCGI_LB_QUEUE_TIMEOUT', `no upstream was free for ${timeout} ms; ${this.#describe()}`);
    }
    this.#watchDeadline();
  }

  /** Waiting is over, whatever comes of it. */
  #leave(place: QueueEntry<Waiter>): void {
    if (!this.#queue.leave(place)) return;
    const now = this.#clock.now();
    this.counts.waits.add(now - place.since, now);
  }

  #refuseDown(waiter: Waiter): void {
    const { failFastAfter } = this.#queueSettings;
    this.#refuse(waiter, 'FCGI_LB_POOL_DOWN', `no upstream has shown life for ${failFastAfter} ms; ${this.#describe()}`);
  }

  #refuse(waiter: Waiter, code: Rejection, story: string): void {
    this.counts.rejected.add(code);
    waiter.refused(new ProxyError(code, `pool ${this.name}: ${story}`));
  }

  /** The state of the pool in the words an operator needs to see what is short. */
  #describe(): string {
    let busy = 0;
    let failing = 0;
    for (const upstream of this.#upstreams) {
      if (upstream.unreachable) failing += 1;
      else if (!upstream.available) busy += 1;
    }
    const all = this.#upstreams.size;
    return all === 0 ? 'it has no upstream' : `of its ${all} upstreams ${busy} are full and ${failing} failing`;
  }
}
