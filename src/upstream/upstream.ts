// One worker address: its slots, its kept connections, what is known of its capacity, and whether it may be given work now.

import type { Candidate } from '../balance/balancer.ts';
import { HeadTime } from '../balance/head-time.ts';
import type { Address } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { askCapacity, type CapacityAnswer } from './capacity.ts';
import type { Connection } from './connection.ts';
import { type DialResult, dial } from './dial.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import { IdleConnections } from './idle.ts';
import type { Loan } from './loan.ts';
import type { ExchangeSink, ExchangeTimeouts, FcgiRequest, Outcome } from './request.ts';
import { Slots } from './slots.ts';
import { WorkerLog } from './worker-log.ts';

export interface UpstreamSettings {
  readonly weight: number;
  /** Position among the upstreams of its pool. */
  readonly order: number;
  /** Exchanges at a time: asked for (`auto`), a number, or `Infinity`. */
  readonly maxConns: 'auto' | number;
  readonly timeouts: ExchangeTimeouts & { readonly connect: number };
  /** ms that a kept connection may stay idle; undefined: connections are not kept. */
  readonly keepAlive: number | undefined;
  /** Whether a connection may be handed from one request to the next that waits. */
  readonly handOver: boolean;
}

/** After a failure an upstream is left alone for a moment, twice as long each time, ms. */
const PAUSE = { first: 25, most: 1000 };
/** The same after EAGAIN or OVERLOADED: it is busy, not broken, and may be free again at any moment. */
const BUSY_PAUSE = { first: 5, most: 200 };
/** Requests that follow each other on one connection while some wait: other clients of the socket want their turn, too. */
const MAX_IN_A_ROW = 16;
/** Stale connections in a row after which a worker counts as one that closes whatever it is asked. */
const MAX_STALE = 3;
/** Questions for the capacity that may end without an answer before the fallback is taken for good. */
const MAX_LOST_QUESTIONS = 3;

/**
 * Invariants: `available` is the conjunction of three facts with a writer each: a free slot (take and gone), no pause
 * (outcomes and `appeared`), no drain (`drain`). Whenever it may have changed, `changed` is called.
 */
export class Upstream implements Candidate {
  readonly name: string;
  readonly weight: number;
  readonly order: number;
  readonly #address: Address;
  readonly #settings: UpstreamSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #host: ExchangeHost;
  readonly #probeHost: ExchangeHost;
  readonly #slots: Slots;
  readonly #idle: IdleConnections | undefined;
  readonly #running = new Set<Exchange>();
  readonly #alone: () => boolean;
  readonly #changed: (upstream: Upstream) => void;
  #capacityKnown: boolean;
  #lostQuestions = 0;
  readonly #headTime = new HeadTime();
  #failures = 0;
  #pause: Timer | undefined;
  #draining = false;
  #used = false;
  /** A connection that goes to whoever is granted the slot in this same tick, or is closed. */
  #handedOver: Connection | undefined;
  /** Connections handed over in a row that turned out to be closed. */
  #stale = 0;

  /**
   * @param alone whether this is the only upstream of its pool, which decides what silence on the capacity question means
   * @param changed called whenever the upstream may have become available or unavailable, or its load changed
   */
  constructor(
    address: Address,
    settings: UpstreamSettings,
    around: {
      readonly clock: Clock;
      readonly log: Log;
      readonly alone: () => boolean;
      readonly changed: (upstream: Upstream) => void;
    },
  ) {
    this.name = address.text;
    this.weight = settings.weight;
    this.order = settings.order;
    this.#address = address;
    this.#settings = settings;
    this.#clock = around.clock;
    this.#log = around.log;
    this.#alone = around.alone;
    this.#changed = around.changed;
    this.#capacityKnown = settings.maxConns !== 'auto';
    // Until the capacity is known one exchange at a time is what every worker takes.
    this.#slots = new Slots(settings.maxConns === 'auto' ? 1 : settings.maxConns);
    this.#idle = settings.keepAlive === undefined ? undefined : new IdleConnections(around.clock, settings.keepAlive);
    this.#host = {
      name: this.name,
      clock: this.#clock,
      workerLog: new WorkerLog(this.name, around.log, around.clock),
      timeouts: settings.timeouts,
      keepsConnections: () => this.#idle !== undefined || this.#handsOver,
      wasStale: () => {
        this.#stale += 1;
      },
      unlimited: () => this.#slots.capacity === Number.POSITIVE_INFINITY,
      dial: (result) => this.#dial(result),
      askCapacity: (connection, done) => this.#askCapacity(connection, done),
      shelve: (connection) => this.#shelve(connection),
      answered: (ms) => this.#headTime.add(ms),
      gone: (exchange, outcome) => this.#gone(exchange, outcome),
    };
    // What becomes of a probe is for the one who sent it to judge.
    this.#probeHost = { ...this.#host, answered: () => undefined, gone: (exchange) => this.#gone(exchange, undefined) };
  }

  get inFlight(): number {
    return this.#slots.inUse;
  }

  /** Moving average of the ms from a request to the head of its answer. */
  get headTime(): number | undefined {
    return this.#headTime.ms;
  }

  /** Exchanges at a time; undefined while nobody has asked. */
  get capacity(): number | undefined {
    return this.#capacityKnown ? this.#slots.capacity : undefined;
  }

  get available(): boolean {
    return this.#slots.free && this.#pause === undefined && !this.#draining;
  }

  /** True while no new exchange may begin although a slot is free: the last ones failed. */
  get paused(): boolean {
    return this.#pause !== undefined;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether a request has gone there since its address appeared. */
  get used(): boolean {
    return this.#used;
  }

  /** Takes a slot. `start` or `release` must follow. */
  take(): void {
    this.#slots.take();
    this.#changed(this);
  }

  /** Gives a slot back that no exchange was started with. */
  release(): void {
    this.#slots.give();
    this.#changed(this);
  }

  /** Runs a request in the slot taken before; the slot comes back by itself. */
  start(request: FcgiRequest, sink: ExchangeSink): Exchange {
    this.#used = true;
    return this.#run(new Exchange(this.#host, request, sink), request);
  }

  /** Lends a slot to a probe; undefined when none is free, or nothing new is to begin here. */
  lend(): Loan | undefined {
    if (!this.#slots.free || this.#draining) return undefined;
    this.take();
    return {
      dial: (result) => this.#dial(result),
      start: (request, sink) => this.#run(new Exchange(this.#probeHost, request, sink), request),
      release: () => this.release(),
    };
  }

  /** The address has (re)appeared: whatever is there now is new, so try it at once and ask for its capacity again. */
  appeared(): void {
    this.#used = false;
    this.#stale = 0;
    this.#forgetCapacity();
    this.#endPause();
    this.#changed(this);
  }

  /** No new exchange; what runs goes on. */
  drain(): void {
    this.#draining = true;
    this.#idle?.closeAll();
    this.#changed(this);
  }

  undrain(): void {
    this.#draining = false;
    this.#changed(this);
  }

  /** Ends everything now. */
  destroy(): void {
    this.#draining = true;
    this.#idle?.closeAll();
    this.#pause?.cancel();
    this.#pause = undefined;
    for (const exchange of [...this.#running]) exchange.destroy();
  }

  /**
   * A kept connection may have been closed by the worker in the moment we use it, and then nobody knows whether the
   * request was seen. So only what may be repeated goes there; for the rest a kept connection is closed, since it may
   * be what its worker is busy with, and a fresh one dialled.
   */
  #idleFor(request: FcgiRequest): Connection | undefined {
    const kept = this.#handedOver ?? this.#idle?.take();
    this.#handedOver = undefined;
    if (request.repeatable) return kept;
    kept?.destroy();
    return undefined;
  }

  #run(exchange: Exchange, request: FcgiRequest): Exchange {
    this.#running.add(exchange);
    exchange.start(this.#idleFor(request));
    return exchange;
  }

  /** An exchange is over. @param outcome undefined: it says nothing about requests */
  #gone(exchange: Exchange, outcome: Outcome | undefined): void {
    this.#running.delete(exchange);
    if (outcome !== undefined) this.#observe(outcome);
    this.#slots.give();
    this.#changed(this);
    // Nobody waited for the slot. An idle connection would pin the worker (fact 5), and libfcgi waits for our close (fact 11).
    this.#handedOver?.destroy();
    this.#handedOver = undefined;
  }

  /**
   * Whether a connection may go from one request to the next that waits for the same slot, which spares the worker's
   * time for closing and accepting. Not where any number of requests may run: nobody waits there.
   */
  get #handsOver(): boolean {
    return this.#settings.handOver && this.#stale < MAX_STALE && this.#slots.capacity !== Number.POSITIVE_INFINITY;
  }

  #dial(result: DialResult): () => void {
    return dial(this.#address, this.#settings.timeouts.connect, this.#clock, result);
  }

  #shelve(connection: Connection): void {
    this.#stale = 0;
    if (this.#draining) connection.destroy();
    else if (this.#idle !== undefined) this.#idle.put(connection);
    else if (connection.requestId < MAX_IN_A_ROW) this.#handedOver = connection;
    else connection.destroy();
  }

  #askCapacity(connection: Connection, done: (answer: CapacityAnswer) => void): (() => void) | undefined {
    if (this.#capacityKnown) return undefined;
    return askCapacity(
      connection,
      (result) => this.#dial(result),
      this.#clock,
      (answer) => {
        this.#learn(answer.capacity);
        done(answer);
      },
    );
  }

  #learn(capacity: CapacityAnswer['capacity']): void {
    if (this.#capacityKnown) return;
    if (capacity === 'lost') {
      this.#lostQuestions += 1;
      if (this.#lostQuestions < MAX_LOST_QUESTIONS) return;
    }
    this.#capacityKnown = true;
    const told = typeof capacity === 'number';
    // A worker that says nothing: one of several unix sockets is most likely a single process, a lone address a whole server.
    const single = this.#address.kind === 'unix' && !this.#alone();
    this.#slots.capacity = told ? capacity : single ? 1 : Number.POSITIVE_INFINITY;
    const limit = this.#slots.capacity === Number.POSITIVE_INFINITY ? 'unlimited' : this.#slots.capacity;
    this.#log.debug({ upstream: this.name, max_conns: limit, told }, 'capacity of the upstream is known');
    this.#changed(this);
  }

  #forgetCapacity(): void {
    if (this.#settings.maxConns !== 'auto') return;
    this.#capacityKnown = false;
    this.#lostQuestions = 0;
    this.#slots.capacity = 1;
  }

  #observe(outcome: Outcome): void {
    if (outcome.kind === 'complete') {
      if (this.#failures > 0) this.#log.info({ upstream: this.name, failures: this.#failures }, 'upstream answers again');
      this.#failures = 0;
      return;
    }
    if (outcome.kind === 'abandoned') return;
    const { code, stage, message } = outcome.error;
    const busy = code === 'FCGI_LB_CONNECT_BUSY' || code === 'FCGI_LB_UPSTREAM_OVERLOADED';
    const lost = stage === 'connect' || code === 'FCGI_LB_UPSTREAM_CLOSED' || code === 'FCGI_LB_UPSTREAM_CANT_MULTIPLEX';
    // Many exchanges may fail of one cause: what fails while the upstream is left alone already says nothing new.
    if ((!busy && !lost) || this.#pause !== undefined) return;
    if (code === 'FCGI_LB_CONNECT_MISSING' || code === 'FCGI_LB_CONNECT_REFUSED') this.#forgetCapacity();
    if (this.#failures === 0) this.#log.warn({ upstream: this.name, code }, message);
    this.#pauseFor(busy ? BUSY_PAUSE : PAUSE);
    this.#failures += 1;
  }

  #pauseFor(range: { readonly first: number; readonly most: number }): void {
    const ms = Math.min(range.most, range.first * 2 ** Math.min(this.#failures, 16));
    this.#pause = this.#clock.after(ms, () => {
      this.#pause = undefined;
      this.#changed(this);
    });
  }

  #endPause(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#failures = 0;
  }
}
