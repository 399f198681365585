// The generations of the configuration: each is made ready while the one before serves, and then
// takes its place in one tick.

import type { Alerts } from '../alerts/alerts.ts';
import type { Settings } from '../config/settings.ts';
import type { AnyRoute } from '../http/handler/route.ts';
import { Forwarder } from '../http/proxy/forwarder.ts';
import { RequestIds } from '../http/request/request-id.ts';
import type { Router } from '../http/request/router.ts';
import { TrustedProxies } from '../http/request/trusted-proxies.ts';
import { explained } from '../listen/listen-error.ts';
import type { Roster } from '../roster/roster.ts';
import type { AdminListeners } from './admin-listeners.ts';
import type { InheritedSockets } from './inherited.ts';
import type { Logs } from './logging.ts';
import type { PublicListeners } from './public-listeners.ts';
import { buildRouter } from './routes.ts';

/** One immutable configuration in use. */
export interface Generation {
  /** Counted from 1. */
  readonly number: number;
  readonly settings: Settings;
  readonly router: Router<AnyRoute>;
  readonly requestIds: RequestIds;
  readonly proxies: TrustedProxies;
}

/** The parts of the program that a configuration is prepared in, and the program's version. */
export interface GenerationsDeps {
  /** For SERVER_SOFTWARE. */
  readonly version: string;
  readonly logs: Logs;
  readonly roster: Roster;
  readonly alerts: Alerts;
  readonly public: PublicListeners;
  readonly admin: AdminListeners;
  readonly inherited: InheritedSockets;
}

/** Invariant: at most one change is under way; it changes everything or nothing. */
export class Generations {
  readonly #deps: GenerationsDeps;
  readonly #forwarder = new Forwarder();
  #wanted: Settings;
  #current: Generation | undefined;
  /** Changes of generation take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #started = false;
  #stopping = false;

  /** @param settings of the first generation */
  constructor(settings: Settings, deps: GenerationsDeps) {
    this.#wanted = settings;
    this.#deps = deps;
  }

  /** @throws Error before the first generation is ready; no client can connect until then */
  get current(): Generation {
    if (this.#current === undefined) throw new Error('a request came before the first generation');
    return this.#current;
  }

  /** The number of the current generation; 0 before the start. */
  get number(): number {
    return this.#current?.number ?? 0;
  }

  /** The settings of the current generation, or of the first one before the start. */
  get settings(): Settings {
    return this.#current?.settings ?? this.#wanted;
  }

  /** Those that are being prepared, or else the current ones: for listeners as they are made. */
  get wanted(): Settings {
    return this.#wanted;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /**
   * Brings the first generation to life.
   * @param done called in the same turn: a reload that was asked for meanwhile comes after it
   * @throws ListenError, ConfigError, ParamsTooLargeError
   */
  async start(done: () => void): Promise<void> {
    await this.#inTurn(async () => {
      await this.#forwarder.ready();
      await this.#become(this.#wanted);
      this.#started = true;
      done();
    });
  }

  /**
   * Puts other settings in the place of the present ones, without losing a request: everything is
   * made ready, then exchanged at once; what is gone finishes what it holds.
   * @throws ListenError, ConfigError, ParamsTooLargeError or a Node system error, and then nothing
   *   has changed
   */
  async replace(settings: Settings): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#stopping) throw new Error('the program is stopping');
      if (!this.#started) throw new Error('the program has not started');
      await this.#become(settings);
    });
  }

  /** No other generation comes: a change that is under way takes back what it has opened. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  /** Everything that can fail comes first, and the exchange is one tick (docs/decisions/0023). */
  async #become(settings: Settings): Promise<void> {
    const { version, logs, roster, alerts, admin, inherited } = this.#deps;
    const undo: Array<() => unknown> = [];
    try {
      const logChange = logs.prepare(settings);
      undo.push(logChange.rollback);
      const rosterChange = await roster.prepare(settings.pools);
      undo.push(rosterChange.rollback);
      const stopping = (): boolean => this.#stopping;
      const router = buildRouter(settings, rosterChange.views, { version, forwarder: this.#forwarder, stopping });
      const requestIds = new RequestIds(settings.requestId);
      const proxies = new TrustedProxies(settings.trustedProxies);
      const generation: Generation = { number: this.number + 1, settings, router, requestIds, proxies };
      // A first generation must be there before a client can connect.
      this.#current ??= generation;
      this.#wanted = settings;
      const places = inherited.placesFor(settings);
      const own = [...this.#deps.public.listeners, ...admin.listeners, ...inherited.left].map(({ text }) => text);
      const adminChange = await admin.prepare(settings.admin, places).catch((error: unknown) => {
        throw explained(error, own);
      });
      undo.push(adminChange.rollback);
      // Last: from then on clients may come by a new address, and a later failure would fail them.
      const publicChange = await this.#deps.public.prepare(settings.listen, places).catch((error: unknown) => {
        throw explained(error, [...own, ...adminChange.addresses]);
      });
      undo.push(publicChange.rollback);
      if (this.#stopping) throw new Error('the program is stopping');
      rosterChange.commit();
      this.#current = generation;
      logChange.commit();
      alerts.reconfigure(settings.alerts);
      this.#deps.public.each((server) => server.reconfigure(settings.client));
      void publicChange.commit();
      void adminChange.commit();
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
