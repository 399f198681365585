// Watches the events and the state of the pools, and reports the changes that deserve an alert.

import type { AlertKind, AlertSettings } from '../config/alerts.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Events, OperatorEvent } from '../core/events.ts';
import { type Alert, type AlertState, keyOf, type Subject } from './alert.ts';
import { Debouncer, type DebounceTimes } from './debouncer.ts';
import { reloadReason } from './reload-reason.ts';
import { type Counted, ErrorWindow, errorsAre, queueIs, queueLimit } from './thresholds.ts';

/** ms between two looks at the pools. */
const LOOK = 1000;
/**
 * Upstreams that are watched at a time: a glob over a directory gone wild must not fill the memory.
 */
const MAX_SUBJECTS = 10_000;

/** How one pool is at the moment. */
export interface PoolSample extends Counted {
  readonly pool: string;
  /** Requests that wait, and places for them. */
  readonly waiting: number;
  readonly size: number;
  /** Why it cannot serve; undefined when it can. */
  readonly unready: string | undefined;
}

export interface DownUpstream {
  readonly pool: string;
  readonly upstream: string;
  readonly since: Date;
  readonly reason: string;
}

/** What the monitor reads of the program. */
export interface AlertFacts {
  /** The pools of the current configuration. */
  pools(): Iterable<PoolSample>;
  /** The upstreams that are down now. */
  down(): Iterable<DownUpstream>;
}

type Rules = Pick<AlertSettings, 'after' | 'quiet' | 'rules'>;

interface Watched {
  readonly subject: Subject;
  readonly debouncer: Debouncer;
}

/**
 * Invariant: a subject is in `#watched` exactly while it is not well, or was not well so lately
 * that it matters.
 */
export class AlertMonitor {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #facts: AlertFacts;
  readonly #report: (alert: Alert) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #windows = new Map<string, ErrorWindow>();
  #settings: Rules;
  #running: { readonly unsubscribe: () => void; readonly timer: Timer } | undefined;

  constructor(settings: Rules, clock: Clock, events: Events, facts: AlertFacts, report: (alert: Alert) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#events = events;
    this.#facts = facts;
    this.#report = report;
  }

  /** The subjects whose last alert was bad. */
  get open(): readonly Subject[] {
    return [...this.#watched.values()].flatMap(({ subject, debouncer }) => (debouncer.open ? [subject] : []));
  }

  /** Subjects that are not well, or were not lately. */
  get remembered(): number {
    return this.#watched.size;
  }

  /** @param open subjects that another process has reported as bad; they are not reported again */
  start(open: readonly Subject[] = []): void {
    if (this.#running !== undefined) return;
    for (const subject of open) this.#resume(subject);
    this.#lookForDown();
    this.#look();
    const timer = this.#clock.after(LOOK, () => {
      timer.restart();
      this.#look();
    });
    this.#running = { timer, unsubscribe: this.#events.subscribe((event) => this.#observeEvent(event)) };
  }

  /** What is open stays open; what is no longer watched is forgotten without an alert. */
  reconfigure(settings: Rules): void {
    this.#settings = settings;
    for (const [key, { subject, debouncer }] of this.#watched) {
      if (this.#watches(subject.kind)) debouncer.settle();
      else this.#forget(key, debouncer);
    }
    if (settings.rules.errors === undefined) this.#windows.clear();
    if (this.#running !== undefined) this.#lookForDown();
  }

  stop(): void {
    this.#running?.timer.cancel();
    this.#running?.unsubscribe();
    this.#running = undefined;
    for (const [key, { debouncer }] of this.#watched) this.#forget(key, debouncer);
    this.#windows.clear();
  }

  #observeEvent(event: OperatorEvent): void {
    switch (event.kind) {
      case 'state': {
        const { pool, upstream, is: state, at: since, reason } = event;
        this.#observe({ kind: 'upstream', pool, upstream }, { is: state === 'down' ? 'bad' : 'good', state, since, reason });
        return;
      }
      case 'member': {
        const { pool, upstream, is: state, at: since } = event;
        if (state === 'left') {
          const reason = 'it is no longer in the pool';
          this.#observe({ kind: 'upstream', pool, upstream }, { is: 'good', state, since, reason });
        }
        return;
      }
      case 'reload': {
        const { is, at: since } = event;
        const state = is === 'bad' ? 'failed' : 'done';
        this.#observe({ kind: 'reload' }, { is, state, since, reason: reloadReason(event) });
      }
    }
  }

  /** Upstreams that went down before the monitor was subscribed. */
  #lookForDown(): void {
    for (const { pool, upstream, since, reason } of this.#facts.down()) {
      this.#observe({ kind: 'upstream', pool, upstream }, { is: 'bad', state: 'down', since, reason });
    }
  }

  #look(): void {
    const pools = new Set<string>();
    for (const sample of this.#facts.pools()) {
      pools.add(sample.pool);
      this.#lookAt(sample);
    }
    for (const [key, { subject, debouncer }] of this.#watched) {
      if (subject.pool !== undefined && !pools.has(subject.pool)) {
        const reason = 'the pool is no longer in the configuration';
        debouncer.observe({ is: 'good', state: 'left', since: this.#clock.date(), reason });
      }
      if (debouncer.forgotten) this.#forget(key, debouncer);
    }
    for (const name of this.#windows.keys()) if (!pools.has(name)) this.#windows.delete(name);
  }

  #lookAt({ pool, waiting, size, unready, requests, errors }: PoolSample): void {
    const { queue, errors: errorsRule } = this.#settings.rules;
    const see = (kind: AlertKind, is: 'bad' | 'good', states: readonly [bad: string, good: string], reason: string): void => {
      this.#observe({ kind, pool }, { is, state: states[is === 'bad' ? 0 : 1], since: this.#clock.date(), reason });
    };
    see('pool', unready === undefined ? 'good' : 'bad', ['empty', 'serving'], unready ?? 'an upstream answers');
    if (queue !== undefined) {
      const is = queueIs(this.#latest({ kind: 'queue', pool }), queue, waiting, size);
      see('queue', is, ['long', 'short'], `${waiting} requests wait; the limit is ${queueLimit(queue, size)}`);
    }
    if (errorsRule !== undefined) {
      const window = this.#windows.get(pool) ?? new ErrorWindow();
      this.#windows.set(pool, window);
      window.add(this.#clock.now(), { requests, errors }, errorsRule.window);
      const { rate } = window;
      const is = errorsAre(this.#latest({ kind: 'errors', pool }), errorsRule, rate);
      const seconds = Math.round(errorsRule.window / 1000);
      const limit = `the limit is ${percent(errorsRule.share)}`;
      const what = `${percent(rate.share)} of ${rate.requests} requests in ${seconds} s ended with a 5xx`;
      see('errors', is, ['many', 'few'], `${what}; ${limit}`);
    }
  }

  #latest(subject: Subject): 'bad' | 'good' {
    return this.#watched.get(keyOf(subject))?.debouncer.condition?.is ?? 'good';
  }

  #observe(subject: Subject, condition: AlertState): void {
    if (!this.#watches(subject.kind)) return;
    const key = keyOf(subject);
    const present = this.#watched.get(key)?.debouncer;
    if (present !== undefined) present.observe(condition);
    // A subject that was never bad need not be remembered.
    else if (condition.is === 'bad' && this.#watched.size < MAX_SUBJECTS) this.#begin(key, subject).observe(condition);
  }

  #resume(subject: Subject): void {
    if (!this.#watches(subject.kind) || this.#watched.size >= MAX_SUBJECTS) return;
    // A successor that runs has read the configuration.
    const [state, reason] =
      subject.kind === 'reload'
        ? ['done', 'the successor has read the configuration']
        : ['unknown', 'nothing was seen against it since the upgrade'];
    this.#begin(keyOf(subject), subject).resume({ is: 'good', state, since: this.#clock.date(), reason });
  }

  #begin(key: string, subject: Subject): Debouncer {
    const debouncer = new Debouncer(
      this.#clock,
      () => this.#timesFor(subject.kind),
      (condition, untold) => this.#report({ ...subject, ...condition, untold }),
    );
    this.#watched.set(key, { subject, debouncer });
    return debouncer;
  }

  #forget(key: string, debouncer: Debouncer): void {
    debouncer.end();
    this.#watched.delete(key);
  }

  #watches(kind: AlertKind): boolean {
    const rule = this.#settings.rules[kind];
    return rule !== undefined && rule !== false;
  }

  /** A reload is an act of the operator's and does not flap by itself. */
  #timesFor(kind: AlertKind): DebounceTimes {
    const { after, quiet } = this.#settings;
    return kind === 'reload' ? { after: 0, quiet } : { after, quiet };
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10}%`;
}
