// The running program: its parts, made and connected, and their start and end in order.

import { Feed } from '../admin/feed.ts';
import { LivePage } from '../admin/live-page.ts';
import type { ListenerStatus } from '../admin/status.ts';
import type { Subject } from '../alerts/alert.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { asError } from '../core/errors.ts';
import { Events } from '../core/events.ts';
import { keepTick } from '../core/kept-tick.ts';
import { LoopDelay } from '../core/loop-delay.ts';
import { SavedLog } from '../http/handler/saved-log.ts';
import { PublicServer } from '../http/server/server.ts';
import type { InheritedSocket, Listener } from '../listen/bind.ts';
import { freshHandoverState, type HandoverState } from '../roster/handover-state.ts';
import { Roster } from '../roster/roster.ts';
import { Occupancies } from '../upstream/slots/occupancy.ts';
import { AdminListeners } from './admin-listeners.ts';
import { createAlerts } from './alerting.ts';
import { Changes, type ReloadResult } from './changes.ts';
import { Generations } from './generations.ts';
import { InheritedSockets } from './inherited.ts';
import type { Logs } from './logging.ts';
import type { Notifier } from './notifier.ts';
import { Operator } from './operator.ts';
import { PublicListeners } from './public-listeners.ts';
import { registry } from './registry.ts';
import { type ProgramCommand, Upgrader } from './upgrade.ts';

export interface ProgramDeps {
  /** For SERVER_SOFTWARE and /status. */
  readonly version: string;
  readonly clock: Clock;
  readonly logs: Logs;
  /** Reads and checks the settings anew, for a reload. @throws ConfigError and its like */
  readonly load: () => Settings;
  readonly notifier: Notifier;
  /** How the new process of an upgrade is started. */
  readonly command: ProgramCommand;
  /** Listening sockets that this process was started with. */
  readonly inherited?: InheritedSockets;
  /** What the old process of an upgrade has handed over. */
  readonly handoverState?: HandoverState | undefined;
}

/** ms for answers to the operator at the end: a new process that is given up may take 5 s to go. */
const LAST_ANSWERS = 7000;

export class Program {
  /** What the operator may ask and do while it runs. */
  readonly operator: Operator;
  /** Reloads and upgrades, whichever way the operator asks for them. */
  readonly changes: Changes;
  /** What happens to its upstreams and its configuration. */
  readonly events = new Events();
  readonly loopDelay: LoopDelay;
  /** Held so that it is not collected; see core/kept-tick.ts. */
  readonly keptTick = keepTick();
  /** Silent until `watch` is called. */
  readonly alerts: Alerts;
  readonly #clock: Clock;
  readonly #logs: Logs;
  readonly #load: () => Settings;
  readonly #inherited: InheritedSockets;
  readonly #roster: Roster;
  readonly #savedLog: SavedLog;
  readonly #public: PublicListeners;
  readonly #admin: AdminListeners;
  readonly #generations: Generations;
  readonly #upgrader: Upgrader;
  #latestReload: ReloadResult | undefined;

  /** @param settings of the first generation */
  constructor(settings: Settings, deps: ProgramDeps) {
    const { version, clock, logs, load, notifier, command } = deps;
    const { inherited = new InheritedSockets([]), handoverState = freshHandoverState() } = deps;
    const { log } = logs;
    this.#clock = clock;
    this.#logs = logs;
    this.#load = load;
    this.#inherited = inherited;
    this.loopDelay = new LoopDelay(clock);
    const rosterDeps = { clock, log, events: this.events, registry, occupancies: new Occupancies() };
    this.#roster = new Roster(rosterDeps, handoverState);
    this.alerts = createAlerts(settings.alerts, version, this.#roster, rosterDeps);
    this.#savedLog = new SavedLog(log, clock);
    const context = {
      clock,
      log,
      savedLog: this.#savedLog,
      accessLog: () => logs.accessLog,
      requestIds: () => this.#generations.current.requestIds,
      proxies: () => this.#generations.current.proxies,
    };
    const makeServer = (): PublicServer =>
      new PublicServer(this.#generations.wanted.client, context, () => this.#generations.current.router);
    this.#public = new PublicListeners(makeServer);
    const timeout = (): number => this.settings.upgradeTimeout;
    this.#upgrader = new Upgrader(this, { timeout, command, notifier }, clock, log);
    const now = (): Date => clock.date();
    this.changes = new Changes({ program: this, upgrader: this.#upgrader, notifier, log, now });
    this.operator = new Operator({ version, roster: this.#roster, program: this, changes: this.changes, clock, log });
    const livePage = new LivePage(new Feed(() => this.operator.status(), this.events, clock));
    this.#admin = new AdminListeners(this.operator, { log, clock, livePage, token: () => this.settings.adminToken });
    this.#generations = new Generations(settings, {
      ...{ version, logs, inherited, roster: this.#roster, alerts: this.alerts },
      ...{ public: this.#public, admin: this.#admin },
    });
  }

  /** The first pool: the only one when options, not a file, say what to serve. */
  get pool() {
    return this.#roster.first.pool;
  }

  /** The number of the current generation; 0 before the start. */
  get generation(): number {
    return this.#generations.number;
  }

  get settings(): Settings {
    return this.#generations.settings;
  }

  /** How the latest reload went; undefined before the first. */
  get latestReload(): ReloadResult | undefined {
    return this.#latestReload;
  }

  /** Lines of the access log that were lost. */
  get accessLogDropped(): number {
    return this.#logs.accessLogDrops.count;
  }

  get stopping(): boolean {
    return this.#generations.stopping;
  }

  /** What a new process needs beside the configuration. */
  get handoverState(): HandoverState {
    return this.#roster.handoverState;
  }

  /** What the alerts have reported as bad, and not as good again. */
  get openAlerts(): readonly Subject[] {
    return this.alerts.open;
  }

  /** Client requests that are not finished. */
  get active(): number {
    return this.#public.active;
  }

  /** Where the program serves, in one line. */
  get serving(): string {
    return `serving on ${this.listeners()
      .map(({ text }) => text)
      .join(', ')}`;
  }

  /** All that clients and operators can connect to. */
  listeners(): readonly Listener[] {
    return [...this.#public.listeners, ...this.#admin.listeners];
  }

  /** The same, as /status shows them. */
  addresses(): readonly ListenerStatus[] {
    return [
      ...this.#public.addresses.map((address) => ({ address, door: 'public' as const })),
      ...this.#admin.addresses.map((address) => ({ address, door: 'admin' as const })),
    ];
  }

  /** Sockets that this process was started with and that no address of the configuration names. */
  unused(): readonly InheritedSocket[] {
    return this.#inherited.left;
  }

  /**
   * Finds the upstreams and opens the listeners.
   * @throws ListenError, ConfigError, ParamsTooLargeError
   */
  async start(): Promise<void> {
    await this.#generations.start(() => {
      this.loopDelay.start();
      this.#logStart();
    });
  }

  /**
   * From now on this process, and not the old one of an upgrade, reports what breaks.
   * @param open what the old process has reported already
   */
  watch(open: readonly Subject[] = []): void {
    if (!this.stopping) this.alerts.start(open);
  }

  /**
   * Reads the configuration again and takes it up; a bad one changes nothing and is reported.
   * @param by the signal or the client that asked for it, for the log
   */
  async reload(by: string): Promise<ReloadResult> {
    const { log } = this.#logs;
    log.info({ by }, 'reloading');
    const result = await this.#takeUp();
    this.#latestReload = result;
    const { generation } = this;
    const problems = result.kind === 'bad' ? result.problems : [];
    for (const problem of problems) log.error({ by }, problem);
    if (result.kind === 'bad') log.error({ by, generation }, 'nothing was reloaded: the program goes on as before');
    this.events.record({ kind: 'reload', at: result.at, is: result.kind, by, generation, problems });
    return result;
  }

  /**
   * Stops gracefully: accepts nothing more, finishes every request, at most for the shutdown
   * timeout.
   * @returns whether every request was finished
   */
  async stop(): Promise<boolean> {
    const { log } = this.#logs;
    this.#generations.stop();
    this.#inherited.end();
    log.info({ active: this.active, waiting: this.#roster.waiting }, 'stopping: finishing what runs');
    const cancelled = this.#upgrader.cancel();
    const alertsSent = this.alerts.stop();
    let timedOut = false;
    const timeout = this.settings.shutdownTimeout;
    const timer = this.#clock.after(timeout, () => {
      timedOut = true;
      log.warn({ active: this.active, timeout }, 'requests are still running at the shutdown timeout; ending them');
      this.destroy();
    });
    await this.#public.close();
    // A reload that was on its way gives back what it has opened.
    await this.#generations.settled();
    await alertsSent;
    timer.cancel();
    this.destroy();
    await this.#endAdmin();
    log.info({ finished: !timedOut }, 'stopped');
    await cancelled;
    return !timedOut;
  }

  /**
   * Another process serves on the same sockets: leaves them to it, and finishes every request, at
   * most for the shutdown timeout.
   * @returns whether every request was finished
   */
  async retire(): Promise<boolean> {
    // At once: questions about the service are for the new process to answer.
    const admin = this.#admin.close();
    const finished = await this.stop();
    await admin;
    return finished;
  }

  /** Ends everything now. */
  destroy(): void {
    this.loopDelay.stop();
    this.alerts.destroy();
    this.#inherited.end();
    this.#roster.destroy();
    this.#public.destroy();
    this.#savedLog.end();
  }

  /**
   * Operators who asked for a reload or an upgrade still get its result; other clients are cut off.
   */
  async #endAdmin(): Promise<void> {
    let given = (): void => undefined;
    const limit = new Promise<void>((resolve) => {
      given = resolve;
    });
    const timer = this.#clock.after(LAST_ANSWERS, given);
    await Promise.race([this.#admin.told(), limit]);
    timer.cancel();
    await this.#admin.destroy();
  }

  async #takeUp(): Promise<ReloadResult> {
    try {
      await this.#generations.replace(this.#load());
      const { generation } = this;
      const listen = this.#public.addresses;
      this.#logs.log.info({ generation, listen, pools: [...this.#roster.pools.keys()] }, 'reloaded');
      return { kind: 'good', at: this.#clock.date(), generation };
    } catch (error) {
      return { kind: 'bad', at: this.#clock.date(), problems: asError(error).message.split('\n') };
    }
  }

  #logStart(): void {
    const pools = [...this.#roster.pools.values()];
    const count = pools.reduce((sum, { pool }) => sum + pool.upstreams.size, 0);
    const fields = pools.map((pool) => pool.logFields());
    const listen = this.#public.addresses;
    this.#logs.log.info(
      { listen, admin: this.#admin.addresses, ...(fields.length === 1 ? fields[0] : { pools: fields }) },
      `listening on ${listen.join(', ')}, serving from ${count} upstream${count === 1 ? '' : 's'}`,
    );
  }
}
