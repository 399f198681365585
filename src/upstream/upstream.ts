// One worker address: its slots, its connections, what is known of it, and whether it may be given
// work now.

import type { Candidate } from '../balance/balancer.ts';
import { HeadTime } from '../balance/head-time.ts';
import { socketOf, type UpstreamAddress } from '../core/address.ts';
import { DenseSet } from '../core/dense-set.ts';
import { Activity, type ActivityName } from './activity.ts';
import { type Admission, Condition, type Intent, type State, type Stated, type Verdict } from './condition.ts';
import { FailureTracker } from './failure-tracker.ts';
import { CapacityLimit } from './fcgi/capacity-limit.ts';
import type { FcgiExchange } from './fcgi/exchange.ts';
import { FcgiTransport } from './fcgi/transport.ts';
import { GivenUp } from './given-up.ts';
import type { HttpExchange } from './http/exchange.ts';
import type { HttpRequest, HttpSink } from './http/request.ts';
import { HttpTransport, limitOf } from './http/transport.ts';
import { type ProbeLease, probeLease } from './probe-lease.ts';
import { Occupancy } from './slots/occupancy.ts';
import { Slots, type SlotsOwner } from './slots/slots.ts';
import { SlowStart } from './slow-start.ts';
import { dial } from './transport/dial.ts';
import type { AnyExchange, Purpose } from './transport/exchange-host.ts';
import type { ExchangeOutcome, ExchangeSink, FcgiRequest } from './transport/request.ts';
import { UpstreamCounts } from './upstream-counts.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { type UpstreamSettings, whyDisabled } from './upstream-settings.ts';

/**
 * Invariants: `available` is the conjunction of four facts with a writer each: a free slot (take
 * and gone), no pause (outcomes and `appeared`), health (`judge`), and what the operator wants.
 * Whenever it may have changed, `changed` is called. `#standing` and `#lifeless` follow from the
 * last three and from requests that are overdue (`#givenUp`), and are computed anew whenever one of
 * those was written. The fields that every choice reads stand together at the head: with a thousand
 * upstreams, what is read is what it costs.
 */
export class Upstream implements Candidate, SlotsOwner {
  /**
   * Its place in its pool, which alone writes it: a small whole number, or -1 while it is no
   * member.
   */
  index = -1;
  readonly #slots: Slots;
  readonly #deps: UpstreamDeps<Upstream>;
  readonly #activity: Activity;
  /**
   * What `#reconsider` makes of health, pauses and the operator's wish, so that each request need
   * not.
   */
  #admission: Admission = 'open';
  #unreachable = false;
  /** Whether anything has answered since its address appeared, or since its worker was lost. */
  #answered = false;
  /** Its weight, while it is known not to grow. */
  #fullWeight: number | undefined;
  readonly #slowStart: SlowStart;
  readonly name: string;
  readonly protocol: 'fastcgi' | 'http';
  readonly #address: UpstreamAddress;
  #settings: UpstreamSettings;
  /** What runs at its address, for upstreams of other pools too. */
  readonly occupancy: Occupancy;
  /** One of the two is there. */
  readonly #fcgi: FcgiTransport | undefined;
  readonly #http: HttpTransport | undefined;
  readonly #running = new DenseSet<AnyExchange>();
  /** Those of the running that were given up while the worker is still at them. */
  readonly #givenUp: GivenUp;
  readonly #capacity: CapacityLimit;
  readonly #failures: FailureTracker;
  readonly #condition: Condition;
  readonly #headTime = new HeadTime();
  readonly counts = new UpstreamCounts();

  constructor(address: UpstreamAddress, settings: UpstreamSettings, deps: UpstreamDeps<Upstream>, occupancy = new Occupancy()) {
    const { clock, log } = deps;
    this.name = address.text;
    this.protocol = address.kind === 'http' ? 'http' : 'fastcgi';
    this.#address = address;
    this.#settings = settings;
    this.#deps = deps;
    // Until the capacity is known one exchange at a time is what every worker takes.
    const limit = limitOf(address, settings.maxConns);
    this.occupancy = occupancy;
    this.#slots = new Slots(limit === 'auto' ? 1 : limit, occupancy, this);
    this.#capacity = new CapacityLimit(this.#slots, limit, occupancy);
    this.#givenUp = new GivenUp(this.#slots, clock, () => this.#settings.timeouts);
    this.#slowStart = new SlowStart(clock, settings.weight, settings.slowStart ?? 0);
    this.#failures = new FailureTracker(this.name, clock, log, () => {
      if (this.#failures.failing) this.#startSlowly();
      this.#reconsidered();
    });
    const disabled = settings.disabled ? whyDisabled(settings) : undefined;
    this.#condition = new Condition(this.name, disabled, clock, log, (change) => deps.stateChanged(this, change));
    this.#activity = new Activity(clock);
    this.#reconsider();
    const side = {
      ...{ clock, log, slots: this.#slots, capacity: this.#capacity, alone: deps.alone, learnt: () => this.#slots.tell() },
      unlimited: () => this.#slots.capacity === Number.POSITIVE_INFINITY,
      serving: () => this.#condition.intent === 'serve',
      begins: (exchange: AnyExchange) => this.#running.add(exchange),
      answered: (ms: number, purpose: Purpose) => {
        if (purpose === 'request') {
          this.#headTime.add(ms);
          this.counts.answered(ms, clock.now());
        }
        this.#lives();
      },
      gaveUp: (exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose) => this.#gaveUp(exchange, outcome, purpose),
      heard: (exchange: AnyExchange) => this.#givenUp.heard(exchange),
      gone: (exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose) => this.#gone(exchange, outcome, purpose),
    };
    this.#fcgi = address.kind === 'http' ? undefined : new FcgiTransport(address, settings, side);
    this.#http = address.kind === 'http' ? new HttpTransport(address, settings, side) : undefined;
  }

  get order(): number {
    return this.#settings.order;
  }

  get backup(): boolean {
    return this.#settings.backup ?? false;
  }

  /** What the settings say, or part of it while it starts slowly. */
  get weight(): number {
    this.#fullWeight ??= this.#slowStart.fullWeight;
    return this.#fullWeight ?? this.#slowStart.weight;
  }

  get warming(): boolean {
    return this.#slowStart.running;
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
    if (this.#admission === 'shut' || !this.#slots.free) return false;
    // One request at a time is a trial; what was given up is not waited for.
    return this.#admission === 'open' || this.#slots.inUse === this.#givenUp.size;
  }

  /**
   * True while it may get requests as far as health and operator go, be it full or resting after a
   * failure.
   */
  get well(): boolean {
    return this.#condition.well;
  }

  /** True while no new exchange may begin although a slot is free: the last ones failed. */
  get paused(): boolean {
    return this.#failures.pausing;
  }

  /** True while nothing is to be hoped of it: it is not well, or its latest word was a failure. */
  get unreachable(): boolean {
    return this.#unreachable;
  }

  get state(): Stated<State> {
    return this.#condition.state;
  }

  get activity(): Stated<ActivityName> {
    return this.#activity.stated(this.#slots.text + this.#failures.text);
  }

  /** Whether a request has gone there since its address appeared. */
  get used(): boolean {
    return this.counts.used;
  }

  /** Takes a slot. `start` or `release` must follow. */
  take(): void {
    this.#slots.take();
  }

  /** Gives a slot back that no exchange was started with. */
  release(): void {
    this.#slots.give();
  }

  /** Runs a request in the slot taken before; the slot comes back by itself. */
  start(request: FcgiRequest, sink: ExchangeSink): FcgiExchange {
    this.counts.began();
    return this.#speak(request, sink, 'request');
  }

  /** The same for an upstream that speaks HTTP. */
  forward(request: HttpRequest, sink: HttpSink): HttpExchange {
    this.counts.began();
    return this.#speakHttp(request, sink, 'request');
  }

  /** Lends a slot to a probe; undefined when none is free, or nothing new is to begin here. */
  leaseForProbe(): ProbeLease | undefined {
    if (!this.#slots.free || this.#condition.intent !== 'serve') return undefined;
    this.take();
    return probeLease(this.#running, {
      dial: (result) => dial(socketOf(this.#address), this.#settings.timeouts.connect, this.#deps.clock, result),
      start: (request, sink) => this.#speak(request, sink, 'probe'),
      forward: (request, sink) => this.#speakHttp(request, sink, 'probe'),
      release: () => this.release(),
    });
  }

  /**
   * The address has (re)appeared: whatever is there now is new, so try it at once and ask for its
   * capacity again.
   */
  appeared(): void {
    this.counts.appeared();
    this.#answered = false;
    this.#fcgi?.renewed();
    this.#capacity.forget();
    this.#failures.reset();
    this.#givenUp.proved('its socket has appeared');
    this.#startSlowly();
    this.#reconsider();
    this.#slots.tell();
  }

  /**
   * Other settings hold from now on. What runs goes on; slots in use, verdict and drain stay as
   * they are.
   */
  reconfigure(settings: UpstreamSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (settings.maxConns !== before.maxConns) this.#capacity.reconfigure(limitOf(this.#address, settings.maxConns));
    this.#slowStart.reconfigure(settings.weight, settings.slowStart ?? 0);
    this.#fullWeight = undefined;
    this.#fcgi?.reconfigure(settings);
    this.#http?.reconfigure(settings);
    if (settings.disabled !== before.disabled) this.want(settings.disabled ? 'disable' : 'serve', whyDisabled(settings));
    this.#slots.tell();
  }

  /**
   * Whether it is in a pool. What it holds counts in any case for whoever else sends requests to
   * its address.
   */
  takesPart(is: boolean): void {
    if (!is) {
      this.#slots.leave();
      return;
    }
    this.#slots.comeBack();
    this.#capacity.recall();
  }

  /** What its health monitor, the only caller, makes of it. */
  judge(verdict: Verdict, reason: string): void {
    if (verdict === 'up' && this.#condition.verdict !== 'up') this.#startSlowly();
    this.#givenUp.proved(reason);
    this.#condition.judge(verdict, reason);
    this.#reconsidered();
  }

  /** What the operator wants of it. Whatever runs there goes on. */
  want(intent: Intent, reason: string): void {
    if (intent === 'serve' && this.#condition.intent !== 'serve') this.#startSlowly();
    this.#condition.want(intent, reason);
    if (intent !== 'serve') this.#closeSpare();
    this.#reconsidered();
  }

  /** Ends everything now. */
  destroy(): void {
    this.#condition.end();
    this.#closeSpare();
    this.#failures.reset();
    this.#reconsider();
    for (const exchange of this.#running.all()) exchange.destroy();
  }

  #speak(request: FcgiRequest, sink: ExchangeSink, purpose: Purpose): FcgiExchange {
    if (this.#fcgi === undefined) throw new Error(`${this.name} speaks HTTP and was given a FastCGI request`);
    return this.#fcgi.start(request, sink, purpose);
  }

  #speakHttp(request: HttpRequest, sink: HttpSink, purpose: Purpose): HttpExchange {
    if (this.#http === undefined) throw new Error(`${this.name} speaks FastCGI and was given an HTTP request`);
    return this.#http.start(request, sink, purpose);
  }

  #startSlowly(): void {
    this.#slowStart.begin();
    this.#fullWeight = undefined;
  }

  #closeSpare(): void {
    this.#fcgi?.closeSpare();
    this.#http?.closeSpare();
  }

  /** Something answers: whatever was starting has started. */
  #lives(): void {
    if (this.#givenUp.proved('it has answered')) this.#reconsidered();
    if (this.#answered) return;
    this.#answered = true;
    this.changed();
  }

  /** The worker may be at it for long, but what the request came to is known now. */
  #gaveUp(exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose): void {
    this.#givenUp.add(exchange, outcome, purpose);
    this.#judgeBy(outcome, purpose);
    this.#slots.tell();
  }

  /** What becomes of a probe is for the one who sent it to judge. */
  #judgeBy(outcome: ExchangeOutcome, purpose: Purpose): void {
    if (purpose === 'probe') return;
    const setback = this.#failures.observe(outcome);
    if (setback === 'missing') this.#capacity.forget();
    if (setback === 'lost' || setback === 'missing') this.#answered = false;
    if (setback !== undefined || this.#unreachable) this.#reconsider();
    this.#deps.health.observed(this, outcome);
  }

  /** An exchange is over. */
  #gone(exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose): void {
    this.#running.delete(exchange);
    this.#judgeBy(outcome, purpose);
    if (this.#givenUp.end(exchange)) this.#reconsider();
    this.#slots.give();
    this.#fcgi?.endTurn();
  }

  /** One of the facts has changed that `#standing` and `#lifeless` follow from. */
  #reconsidered(): void {
    this.#reconsider();
    this.changed();
  }

  #reconsider(): void {
    this.#condition.stuck(this.#givenUp.reason, this.#givenUp.over);
    const { verdict, intent } = this.#condition;
    if (this.#failures.pausing || intent !== 'serve' || verdict === 'down') this.#admission = 'shut';
    else this.#admission = verdict === 'trial' || this.#givenUp.unproved ? 'trial' : 'open';
    this.#unreachable = this.#failures.failing || !this.well;
  }

  /** Something may have changed for all who share its address: its capacity may be known now. */
  told(): void {
    this.#capacity.recall();
    this.#reconsidered();
  }

  /** Its slots have changed, or something else that decides on what it may get. */
  changed(): void {
    if (this.#slots.overdue > 0) this.#reconsider();
    this.#activity.follow(this.#slots, this.#answered, this.#unreachable && this.#failures.failing);
    this.#deps.pool.changed(this);
    this.#deps.health.changed(this);
  }
}
