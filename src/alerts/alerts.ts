// The alerts of the program: changes go from the monitor through a bundle to a courier for each
// target.

import { isDeepStrictEqual } from 'node:util';
import type { AlertSettings, AlertTarget } from '../config/alerts.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Log } from '../core/log.ts';
import type { Alert, Subject } from './alert.ts';
import { type AlertFacts, AlertMonitor } from './alert-monitor.ts';
import { Bundle } from './bundle.ts';
import { Courier } from './courier.ts';
import { type Message, narrowed } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

/** ms for what waits when the program stops. */
const LAST_CHANCE = 3000;

export interface AlertsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly facts: AlertFacts;
  /** Makes what the configuration names. */
  readonly target: (settings: AlertTarget) => AlertSender;
  /** A new name for each message. */
  readonly newId: () => string;
  readonly random: () => number;
  /** The sender's name when the configuration has none. */
  readonly host: string;
}

interface ConfiguredTarget {
  readonly settings: AlertTarget;
  readonly courier: Courier;
}

/** The outcome of a test at one target. */
export interface TestResult {
  readonly target: string;
  readonly delivered: boolean;
  readonly said: string;
}

/** Invariant: while no target is configured nothing is watched, and no timer runs. */
export class Alerts {
  readonly #deps: AlertsDeps;
  readonly #watch: AlertMonitor;
  readonly #bundle: Bundle;
  #settings: AlertSettings;
  #targets: ReadonlyMap<string, ConfiguredTarget> = new Map();
  #started = false;

  constructor(settings: AlertSettings, deps: AlertsDeps) {
    const { clock, events, facts } = deps;
    this.#deps = deps;
    this.#settings = settings;
    this.#bundle = new Bundle(clock, (alerts) => this.#send(alerts));
    this.#watch = new AlertMonitor(settings, clock, events, facts, (alert) => this.#bundle.add(alert, this.#settings.group));
  }

  /** The subjects whose last alert was bad. */
  get open(): readonly Subject[] {
    return this.#watch.open;
  }

  /** @param open subjects that a predecessor has reported as bad; they are not reported again */
  start(open: readonly Subject[] = []): void {
    this.#started = true;
    this.#take(this.#settings, open);
  }

  /**
   * Other rules and targets hold from now on; what is open stays open, and what waits for a target
   * that stays is sent.
   */
  reconfigure(settings: AlertSettings): void {
    this.#settings = settings;
    if (this.#started) this.#take(settings, []);
  }

  /** Sends a test message to every target. Never rejects. */
  async test(): Promise<readonly TestResult[]> {
    const message = this.#message(undefined);
    const results = [...this.#targets].map(async ([target, { courier }]) => resultOf(target, await courier.test(message)));
    return await Promise.all(results);
  }

  /** Nothing more is watched; what waits has a short chance. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#bundle.flush();
    this.#watch.stop();
    const closed = Promise.all([...this.#targets.values()].map(({ courier }) => courier.close()));
    const timer = this.#deps.clock.after(LAST_CHANCE, () => this.destroy());
    await closed;
    timer.cancel();
    this.destroy();
  }

  /** Ends everything now. */
  destroy(): void {
    this.#started = false;
    this.#watch.stop();
    this.#bundle.flush();
    for (const { courier } of this.#targets.values()) courier.end('the program ends');
    this.#targets = new Map();
  }

  #take(settings: AlertSettings, open: readonly Subject[]): void {
    const next = new Map<string, ConfiguredTarget>();
    for (const each of settings.targets) next.set(each.name, this.#told(each));
    for (const [name, { courier }] of this.#targets)
      if (!next.has(name)) courier.end('the target is no longer in the configuration');
    this.#targets = next;
    this.#watch.reconfigure(settings);
    if (next.size === 0) this.#watch.stop();
    else this.#watch.start(open);
  }

  #told(settings: AlertTarget): ConfiguredTarget {
    const present = this.#targets.get(settings.name);
    if (present === undefined) {
      return { settings, courier: new Courier(settings.name, this.#deps.target(settings), this.#deps) };
    }
    if (!isDeepStrictEqual(present.settings, settings)) present.courier.retarget(this.#deps.target(settings));
    return { settings, courier: present.courier };
  }

  #send(alerts: readonly Alert[]): void {
    const message = this.#message(alerts);
    for (const { settings, courier } of this.#targets.values()) {
      const wanted = narrowed(message, ({ kind }) => settings.only.has(kind));
      if (wanted !== undefined) courier.send(wanted);
    }
  }

  #message(alerts: readonly Alert[] | undefined): Message {
    const { newId, clock, host } = this.#deps;
    return { id: newId(), at: clock.date(), from: this.#settings.name ?? host, alerts, open: this.#watch.open.length };
  }
}

function resultOf(target: string, outcome: Delivery): TestResult {
  return outcome.kind === 'delivered'
    ? { target, delivered: true, said: outcome.answer }
    : { target, delivered: false, said: outcome.reason };
}
