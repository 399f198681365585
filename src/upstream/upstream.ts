// One worker address: its slots, its connections, what is known of it, and whether it may be given work now.

import type { Candidate } from '../balance/balancer.ts';
import { HeadTime } from '../balance/head-time.ts';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { Activity, type ActivityName } from './activity.ts';
import { Backoff } from './backoff.ts';
import { askCapacity, type CapacityAnswer } from './capacity.ts';
import { CapacityLimit } from './capacity-limit.ts';
import { Condition, type Intent, type State, type Stated, type Verdict } from './condition.ts';
import type { Connection } from './connection.ts';
import { type DialResult, dial } from './dial.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import type { Loan } from './loan.ts';
import type { ExchangeSink, ExchangeTimeouts, FcgiRequest, Outcome } from './request.ts';
import { Slots } from './slots.ts';
import { SpareConnections, type SpareSettings } from './spare-connections.ts';
import { WorkerLog } from './worker-log.ts';

export interface UpstreamSettings extends SpareSettings {
  readonly weight: number;
  /** Position among the upstreams of its pool. */
  readonly order: number;
  /** Exchanges at a time: asked for (`auto`), a number, or `Infinity`. */
  readonly maxConns: 'auto' | number;
  readonly timeouts: ExchangeTimeouts & { readonly connect: number };
  /** Gets nothing from the start, until the operator wants it to. */
  readonly disabled: boolean;
}

/** What an upstream needs of the pool it is in. */
export interface UpstreamParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether it is the only upstream of its pool, which decides what silence on the capacity question means. */
  readonly alone: () => boolean;
  /** Called whenever it may have become available or unavailable, or its load changed. */
  readonly changed: (upstream: Upstream) => void;
  /** Called as soon as it is known how a request ended there, before its slot is free. */
  readonly observed: (upstream: Upstream, outcome: Outcome) => void;
}

/**
 * Invariants: `available` is the conjunction of four facts with a writer each: a free slot (take and gone), no pause
 * (outcomes and `appeared`), health (`judge`), and what the operator wants. Whenever it may have changed, `changed` is called.
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
  readonly #spare: SpareConnections;
  readonly #running = new Set<Exchange>();
  /** Those of the running that nobody waits for any more. */
  readonly #givenUp = new Set<Exchange>();
  readonly #parts: UpstreamParts;
  readonly #capacity: CapacityLimit;
  readonly #backoff: Backoff;
  readonly #condition: Condition;
  readonly #activity: Activity;
  readonly #headTime = new HeadTime();
  #used = false;
  /** Whether anything has answered since its address appeared, or since its worker was lost. */
  #answered = false;

  constructor(address: Address, settings: UpstreamSettings, parts: UpstreamParts) {
    const { clock, log } = parts;
    this.name = address.text;
    this.weight = settings.weight;
    this.order = settings.order;
    this.#address = address;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#parts = parts;
    // Until the capacity is known one exchange at a time is what every worker takes.
    this.#slots = new Slots(settings.maxConns === 'auto' ? 1 : settings.maxConns);
    this.#capacity = new CapacityLimit(this.#slots, settings.maxConns);
    this.#backoff = new Backoff(clock, () => this.#changed());
    this.#condition = new Condition(this.name, settings.disabled, clock, log);
    this.#activity = new Activity(clock);
    this.#spare = new SpareConnections(settings, clock);
    this.#host = {
      name: this.name,
      clock: this.#clock,
      workerLog: new WorkerLog(this.name, log, clock),
      timeouts: settings.timeouts,
      keepsConnections: () => this.#spare.wanted(this.#slots.capacity),
      wasStale: () => this.#spare.wasStale(),
      unlimited: () => this.#slots.capacity === Number.POSITIVE_INFINITY,
      dial: (result) => this.#dial(result),
      askCapacity: (connection, done) => this.#askCapacity(connection, done),
      shelve: (connection) => this.#shelve(connection),
      answered: (ms) => {
        this.#headTime.add(ms);
        this.#lives();
      },
      gaveUp: (exchange, outcome) => this.#gaveUp(exchange, outcome),
      gone: (exchange, outcome) => this.#gone(exchange, outcome),
    };
    // What becomes of a probe is for the one who sent it to judge.
    this.#probeHost = {
      ...this.#host,
      answered: () => this.#lives(),
      gaveUp: (exchange) => this.#gaveUp(exchange, undefined),
      gone: (exchange) => this.#gone(exchange, undefined),
    };
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
    return this.#capacity.known ? this.#slots.capacity : undefined;
  }

  get available(): boolean {
    const { verdict, intent } = this.#condition;
    if (this.#backoff.active || intent !== 'serve' || !this.#slots.free) return false;
    // One request at a time is a trial; what was given up is not waited for.
    return verdict === 'up' || (verdict === 'trial' && this.#slots.inUse === this.#givenUp.size);
  }

  /** True while it may get requests as far as health and operator go, be it full or resting after a failure. */
  get well(): boolean {
    return this.#condition.verdict === 'up' && this.#condition.intent === 'serve';
  }

  /** True while no new exchange may begin although a slot is free: the last ones failed. */
  get paused(): boolean {
    return this.#backoff.active;
  }

  /** True while nothing is to be hoped of it: it is not well, or its latest word was a failure. */
  get lifeless(): boolean {
    return this.#backoff.failing || !this.well;
  }

  get draining(): boolean {
    return this.#condition.intent === 'drain';
  }

  get state(): Stated<State> {
    return this.#condition.state;
  }

  get activity(): Stated<ActivityName> {
    const { inUse, capacity } = this.#slots;
    const slots = capacity === Number.POSITIVE_INFINITY ? `${inUse} in flight` : `${inUse} of ${capacity} slots in use`;
    return this.#activity.stated(this.#backoff.failing ? `${slots}, ${this.#backoff.failures} failures in a row` : slots);
  }

  /** Whether a request has gone there since its address appeared. */
  get used(): boolean {
    return this.#used;
  }

  /** Takes a slot. `start` or `release` must follow. */
  take(): void {
    this.#slots.take();
    this.#changed();
  }

  /** Gives a slot back that no exchange was started with. */
  release(): void {
    this.#slots.give();
    this.#changed();
  }

  /** Runs a request in the slot taken before; the slot comes back by itself. */
  start(request: FcgiRequest, sink: ExchangeSink): Exchange {
    this.#used = true;
    return this.#run(new Exchange(this.#host, request, sink), request);
  }

  /** Lends a slot to a probe; undefined when none is free, or nothing new is to begin here. */
  lend(): Loan | undefined {
    if (!this.#slots.free || this.#condition.intent !== 'serve') return undefined;
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
    this.#answered = false;
    this.#spare.renewed();
    this.#capacity.forget();
    this.#backoff.reset();
    this.#changed();
  }

  /** What its health monitor, the only caller, makes of it. */
  judge(verdict: Verdict, reason: string): void {
    this.#condition.judge(verdict, reason);
    this.#changed();
  }

  /** What the operator wants of it. Whatever runs there goes on. */
  want(intent: Intent, reason: string): void {
    this.#condition.want(intent, reason);
    if (intent !== 'serve') this.#spare.closeAll();
    this.#changed();
  }

  /** Ends everything now. */
  destroy(): void {
    this.want('disable', 'the program is ending');
    this.#backoff.reset();
    for (const exchange of [...this.#running]) exchange.destroy();
  }

  #run(exchange: Exchange, request: FcgiRequest): Exchange {
    this.#running.add(exchange);
    exchange.start(this.#spare.take(request.repeatable));
    return exchange;
  }

  /** Something answers: whatever was starting has started. */
  #lives(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#changed();
  }

  /** The worker may be at it for long, but what the request came to is known now. @param outcome as for `#gone` */
  #gaveUp(exchange: Exchange, outcome: Outcome | undefined): void {
    this.#givenUp.add(exchange);
    this.#judgeBy(outcome);
    this.#changed();
  }

  #judgeBy(outcome: Outcome | undefined): void {
    if (outcome === undefined) return;
    this.#observe(outcome);
    this.#parts.observed(this, outcome);
  }

  /** An exchange is over. @param outcome undefined: it says nothing about requests */
  #gone(exchange: Exchange, outcome: Outcome | undefined): void {
    this.#running.delete(exchange);
    this.#givenUp.delete(exchange);
    this.#judgeBy(outcome);
    this.#slots.give();
    this.#changed();
    this.#spare.endTurn();
  }

  #dial(result: DialResult): () => void {
    return dial(this.#address, this.#settings.timeouts.connect, this.#clock, result);
  }

  #shelve(connection: Connection): void {
    if (this.#condition.intent === 'serve') this.#spare.offer(connection);
    else connection.destroy();
  }

  #askCapacity(connection: Connection, done: (answer: CapacityAnswer) => void): (() => void) | undefined {
    if (this.#capacity.known) return undefined;
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

  #learn(answer: CapacityAnswer['capacity']): void {
    // One of several unix sockets is most likely a single process, a lone address a whole server.
    if (!this.#capacity.learn(answer, this.#address.kind === 'unix' && !this.#parts.alone())) return;
    const { capacity } = this.#slots;
    const limit = capacity === Number.POSITIVE_INFINITY ? 'unlimited' : capacity;
    const fields = { upstream: this.name, max_conns: limit, told: typeof answer === 'number' };
    this.#log.debug(fields, 'capacity of the upstream is known');
    this.#changed();
  }

  #observe(outcome: Outcome): void {
    if (outcome.kind === 'abandoned') return;
    const { failures } = this.#backoff;
    if (outcome.kind === 'complete') {
      if (failures > 0) this.#log.info({ upstream: this.name, failures }, 'upstream answers again');
      this.#backoff.succeeded();
      return;
    }
    const { code, stage, message } = outcome.error;
    const busy = code === 'FCGI_LB_CONNECT_BUSY' || code === 'FCGI_LB_UPSTREAM_OVERLOADED';
    const lost = stage === 'connect' || code === 'FCGI_LB_UPSTREAM_CLOSED' || code === 'FCGI_LB_UPSTREAM_CANT_MULTIPLEX';
    if (!busy && !lost) return;
    if (!busy) this.#answered = false;
    if (!this.#backoff.active) {
      if (code === 'FCGI_LB_CONNECT_MISSING' || code === 'FCGI_LB_CONNECT_REFUSED') this.#capacity.forget();
      if (failures === 0) this.#log.warn({ upstream: this.name, code }, message);
    }
    this.#backoff.failed(busy ? 'busy' : 'lost');
  }

  #changed(): void {
    const { inUse, free } = this.#slots;
    if (!free) this.#activity.to(this.#answered ? 'full' : 'starting');
    else if (inUse > 0) this.#activity.to(this.#answered ? 'busy' : 'starting');
    else this.#activity.to(this.#backoff.failing ? 'starting' : 'idle');
    this.#parts.changed(this);
  }
}
