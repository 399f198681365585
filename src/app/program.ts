// The running program: one generation of the configuration after the other, brought to life,
// exchanged and taken down in order.

import { Feed } from '../admin/feed.ts';
import { LivePage } from '../admin/live-page.ts';
import type { ListenerStatus } from '../admin/status.ts';
import type { Subject } from '../alerts/alert.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { Events } from '../core/events.ts';
import { keepTick } from '../core/kept-tick.ts';
import { LoopDelay } from '../core/loop-delay.ts';
import type { AnyRoute } from '../http/handler/route.ts';
import { SavedLog } from '../http/handler/saved-log.ts';
import { Forwarder } from '../http/proxy/forwarder.ts';
import { RequestIds } from '../http/request/request-id.ts';
import type { Router } from '../http/request/router.ts';
import { TrustedProxies } from '../http/request/trusted-proxies.ts';
import { PublicServer } from '../http/server/server.ts';
import type { InheritedSocket, Listener } from '../listen/bind.ts';
import { explained } from '../listen/listen-error.ts';
import type { Pool } from '../pool/pool.ts';
import { freshHandoverState, type HandoverState } from '../roster/handover-state.ts';
import { Roster } from '../roster/roster.ts';
import { Occupancies } from '../upstream/slots/occupancy.ts';
import { AdminListeners } from './admin-listeners.ts';
import { createAlerts } from './alerting.ts';
import { InheritedSockets } from './inherited.ts';
import type { Logs } from './logging.ts';
import { Operator } from './operator.ts';
import { PublicListeners } from './public-listeners.ts';
import { registry } from './registry.ts';
import { buildRouter } from './routes.ts';

/** One immutable configuration brought to life. */
interface Generation {
  /** Counted from 1. */
  readonly number: number;
  readonly settings: Settings;
  readonly router: Router<AnyRoute>;
  readonly requestIds: RequestIds;
  readonly proxies: TrustedProxies;
}

/** ms for answers to the operator at the end: a successor that is given up may take 5 s to go. */
const LAST_ANSWERS = 7000;

export class Program {
  /** What the operator may ask and do while it runs. */
  readonly operator: Operator;
  /** What happens to its upstreams and its configuration. */
  readonly events = new Events();
  readonly loopDelay: LoopDelay;
  /** Nobody asks for it: it only has to live. */
  readonly keptTick = keepTick();
  /** Who is told of it, once `watch` has been called. */
  readonly alerts: Alerts;
  readonly #version: string;
  readonly #clock: Clock;
  readonly #logs: Logs;
  readonly #inherited: InheritedSockets;
  readonly #roster: Roster;
  readonly #forwarder = new Forwarder();
  readonly #savedLog: SavedLog;
  readonly #public: PublicListeners;
  readonly #admin: AdminListeners;
  #wanted: Settings;
  #generation: Generation | undefined;
  /** Changes of generation take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #started = false;
  #stopping = false;

  /**
   * @param version for SERVER_SOFTWARE
   * @param inherited listening sockets that this process was started with
   * @param heritage what a predecessor has left
   */
  constructor(
    settings: Settings,
    version: string,
    clock: Clock,
    logs: Logs,
    inherited = new InheritedSockets([]),
    heritage = freshHandoverState(),
  ) {
    this.#inherited = inherited;
    this.#wanted = settings;
    this.#version = version;
    this.#clock = clock;
    this.loopDelay = new LoopDelay(clock);
    this.#logs = logs;
    const { log } = logs;
    const around = { clock, log, events: this.events, registry, occupancies: new Occupancies() };
    this.#roster = new Roster(around, heritage);
    this.alerts = createAlerts(settings.alerts, version, this.#roster, around);
    this.#savedLog = new SavedLog(log, clock);
    const context = {
      clock,
      log,
      savedLog: this.#savedLog,
      accessLog: () => logs.accessLog,
      requestIds: () => this.#current.requestIds,
      proxies: () => this.#current.proxies,
    };
    this.#public = new PublicListeners(() => new PublicServer(this.#wanted.client, context, () => this.#current.router));
    this.operator = new Operator(version, this.#roster, this, clock, log);
    const feed = new Feed(() => this.operator.status(), this.events, clock);
    const livePage = new LivePage(feed);
    this.#admin = new AdminListeners(this.operator, { log, clock, livePage, token: () => this.settings.adminToken });
  }

  /** The first pool: the only one when options, not a file, say what to serve. */
  get pool(): Pool {
    const [first] = this.#roster.pools.values();
    if (first === undefined) throw new Error('a program that has started has at least one pool');
    return first.pool;
  }

  /** The number of the current generation; 0 before the start. */
  get generation(): number {
    return this.#generation?.number ?? 0;
  }

  /** Lines of the access log that were lost. */
  get accessLogDropped(): number {
    return this.#logs.accessLogDrops.count;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** What a successor is to know beside the configuration. */
  get handoverState(): HandoverState {
    return this.#roster.handoverState;
  }

  /** Client requests that are not finished. */
  get active(): number {
    return this.#public.active;
  }

  get settings(): Settings {
    return this.#generation?.settings ?? this.#wanted;
  }

  /**
   * Finds the upstreams and opens the doors.
   * @throws ListenError, ConfigError, ParamsTooLargeError
   */
  async start(): Promise<void> {
    // The turn is taken at once: a reload that is asked for while this one is on its way comes
    // after it.
    await this.#inTurn(async () => {
      await this.#forwarder.ready();
      await this.#become(this.#wanted);
      this.#started = true;
      this.loopDelay.start();
      this.#tellStart();
    });
  }

  /**
   * From now on this process, and no predecessor, tells of what breaks.
   * @param open what a predecessor has told already
   */
  watch(open: readonly Subject[] = []): void {
    if (!this.#stopping) this.alerts.start(open);
  }

  /**
   * Puts other settings in the place of the present ones, without losing a request: everything is
   * made ready, then exchanged at once; what is gone finishes what it holds.
   * @throws ListenError, ConfigError, ParamsTooLargeError or a Node system error, and then nothing
   *   has changed
   */
  async reload(settings: Settings): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#stopping) throw new Error('the program is stopping');
      if (!this.#started) throw new Error('the program has not started');
      await this.#become(settings);
    });
    const { generation } = this;
    const listen = this.#public.addresses;
    this.#logs.log.info({ generation, listen, pools: [...this.#roster.pools.keys()] }, 'reloaded');
  }

  /**
   * Stops gracefully: accepts nothing more, finishes every request, at most for the shutdown
   * timeout.
   * @returns whether every request was finished
   */
  async stop(): Promise<boolean> {
    const { log } = this.#logs;
    this.#stopping = true;
    this.#inherited.end();
    log.info({ active: this.#public.active, waiting: this.#roster.waiting }, 'stopping: finishing what runs');
    const told = this.alerts.stop();
    let timedOut = false;
    const timeout = this.settings.shutdownTimeout;
    const timer = this.#clock.after(timeout, () => {
      timedOut = true;
      log.warn({ active: this.#public.active, timeout }, 'requests are still running at the shutdown timeout; ending them');
      this.destroy();
    });
    await this.#public.close();
    // A reload that was on its way gives back what it has opened.
    await this.#turn;
    await told;
    timer.cancel();
    this.destroy();
    await this.#endAdmin();
    log.info({ finished: !timedOut }, 'stopped');
    return !timedOut;
  }

  /** All that clients and operators can connect to. */
  listeners(): readonly Listener[] {
    return [...this.#public.listeners, ...this.#admin.listeners];
  }

  /** The same as the operator is told of them. */
  addresses(): readonly ListenerStatus[] {
    return [
      ...this.#public.addresses.map((address) => ({ address, door: 'public' as const })),
      ...this.#admin.addresses.map((address) => ({ address, door: 'admin' as const })),
    ];
  }

  /** Sockets that this process was started with and no address asked for. */
  unused(): readonly InheritedSocket[] {
    return this.#inherited.left;
  }

  /**
   * Another process serves on the same sockets: leaves them to it, and finishes every request, at
   * most for the shutdown timeout.
   * @returns whether every request was finished
   */
  async retire(): Promise<boolean> {
    // At once: whoever asks how the service is should hear it from the successor.
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
   * Whoever asked for a reload or an upgrade is still told how it went; other clients are cut off.
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

  get #current(): Generation {
    if (this.#generation === undefined) throw new Error('a request came before the first generation');
    return this.#generation;
  }

  #tellStart(): void {
    const pools = [...this.#roster.pools.values()];
    const count = pools.reduce((sum, { pool }) => sum + pool.upstreams.size, 0);
    const facts = pools.map((pool) => pool.facts());
    const listen = this.#public.addresses;
    this.#logs.log.info(
      { listen, admin: this.#admin.addresses, ...(facts.length === 1 ? facts[0] : { pools: facts }) },
      `listening on ${listen.join(', ')}, serving from ${count} upstream${count === 1 ? '' : 's'}`,
    );
  }

  /**
   * The story of a reload (DESIGN.md section 3): everything that can fail comes first, and the
   * exchange is one tick.
   */
  async #become(settings: Settings): Promise<void> {
    const undo: Array<() => unknown> = [];
    try {
      const logs = this.#logs.prepare(settings);
      undo.push(logs.rollback);
      const roster = await this.#roster.prepare(settings.pools);
      undo.push(roster.rollback);
      const router = buildRouter(settings, roster.views, {
        version: this.#version,
        forwarder: this.#forwarder,
        stopping: () => this.#stopping,
      });
      const requestIds = new RequestIds(settings.requestId);
      const proxies = new TrustedProxies(settings.trustedProxies);
      const generation: Generation = { number: this.generation + 1, settings, router, requestIds, proxies };
      // A first generation must be there before anybody can connect.
      this.#generation ??= generation;
      this.#wanted = settings;
      const places = this.#inherited.placesFor(settings);
      const own = [...this.listeners(), ...this.unused()].map(({ text }) => text);
      const admin = await this.#admin.prepare(settings.admin, places).catch((error: unknown) => {
        throw explained(error, own);
      });
      undo.push(admin.rollback);
      // Last: from then on clients may come by a new address, and whatever failed later would fail
      // them.
      const doors = await this.#public.prepare(settings.listen, places).catch((error: unknown) => {
        throw explained(error, [...own, ...admin.addresses]);
      });
      undo.push(doors.rollback);
      if (this.#stopping) throw new Error('the program is stopping');
      roster.commit();
      this.#generation = generation;
      logs.commit();
      this.alerts.reconfigure(settings.alerts);
      this.#public.each((door) => door.reconfigure(settings.client));
      void doors.commit();
      void admin.commit();
    } catch (error) {
      this.#wanted = this.settings;
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  async #inTurn(change: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(change);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }
}
