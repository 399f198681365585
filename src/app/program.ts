// The running program: builds every room from the settings, connects them, and takes them down in order.

import { join } from 'node:path';
import { AdminServer, type Readiness } from '../admin/server.ts';
import { balanceText } from '../config/balance.ts';
import type { Settings } from '../config/settings.ts';
import { type Address, parseAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { ListenError } from '../core/listen.ts';
import type { Source } from '../discovery/source.ts';
import { CgiParams } from '../http/cgi-params.ts';
import { Door } from '../http/door.ts';
import type { Route } from '../http/route.ts';
import { Pool } from '../pool/pool.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { Logs } from './logging.ts';
import { Members } from './members.ts';
import { BALANCERS, createSource } from './registry.ts';

/** Bytes of an answer kept in memory for a slow client, and then in its temporary file. */
const SPOOL = { memory: 256 * 1024, file: 1024 ** 3, unbuffered: 64 * 1024 } as const;

export class Program {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #logs: Logs;
  readonly #pool: Pool;
  readonly #sources: readonly Source[];
  readonly #members: Members;
  readonly #door: Door;
  readonly #admin: AdminServer[] = [];
  #stopping = false;

  /**
   * @param version for SERVER_SOFTWARE
   * @throws ConfigError, ParamsTooLargeError
   */
  constructor(settings: Settings, version: string, clock: Clock, logs: Logs) {
    this.#settings = settings;
    this.#clock = clock;
    this.#logs = logs;
    const { log, accessLog } = logs;
    const { pool } = settings;
    this.#pool = new Pool(pool.name, pool.queue, BALANCERS[pool.balance.name]<Upstream>({ random: Math.random }), clock);
    this.#sources = pool.upstreams.map((spec) => createSource(spec, clock, log));
    const around = { clock, log, alone: () => this.#pool.upstreams.size <= 1, changed: this.#pool.changed };
    let order = 0;
    const create = (address: Address): Upstream => {
      order += 1;
      return new Upstream(address, { ...pool, weight: 1, order }, around);
    };
    this.#members = new Members(this.#pool, create, log);
    const route = this.#route(version);
    this.#door = new Door(settings.client, { clock, log, accessLog }, () => route);
  }

  get pool(): Pool {
    return this.#pool;
  }

  /**
   * Finds the upstreams and opens the doors.
   * @throws ListenError
   */
  async start(): Promise<void> {
    const { log } = this.#logs;
    await Promise.all(this.#sources.map((source) => source.start(this.#members.listener(source))));
    this.#members.started();
    const listening: string[] = [];
    for (const address of this.#settings.listen) listening.push(await this.#door.listen(address));
    const admin = await this.#openAdmin();
    const { pool } = this.#settings;
    const upstreams = [...this.#pool.upstreams].map((upstream) => upstream.name);
    const wanted = pool.upstreams.map((spec) => (spec.kind === 'glob' ? spec.pattern : spec.address.text));
    if (upstreams.length === 0) log.warn({ pool: pool.name, upstreams: wanted }, 'no upstream yet: requests will wait for one');
    const maxConns = pool.maxConns === Number.POSITIVE_INFINITY ? 'unlimited' : pool.maxConns;
    const found = upstreams.length > 8 ? [...upstreams.slice(0, 8), `and ${upstreams.length - 8} more`] : upstreams;
    log.info(
      {
        listen: listening,
        admin,
        pool: pool.name,
        upstreams: found,
        balance: balanceText(pool.balance),
        max_conns: maxConns,
        queue: pool.queue.size,
      },
      `listening on ${listening.join(', ')}, serving from ${upstreams.length} upstream${upstreams.length === 1 ? '' : 's'}`,
    );
  }

  /**
   * Stops gracefully: accepts nothing more, finishes every request, at most for the shutdown timeout.
   * @returns whether every request was finished
   */
  async stop(): Promise<boolean> {
    const { log } = this.#logs;
    this.#stopping = true;
    log.info({ active: this.#door.active, waiting: this.#pool.waiting }, 'stopping: finishing what runs');
    let timedOut = false;
    const timer = this.#clock.after(this.#settings.shutdownTimeout, () => {
      timedOut = true;
      log.warn(
        { active: this.#door.active, timeout: this.#settings.shutdownTimeout },
        'requests are still running at the shutdown timeout; ending them',
      );
      this.destroy();
    });
    await this.#door.close();
    timer.cancel();
    this.destroy();
    await Promise.all(this.#admin.map((server) => server.close()));
    log.info({ finished: !timedOut }, 'stopped');
    return !timedOut;
  }

  /** Ends everything now. */
  destroy(): void {
    for (const source of this.#sources) source.stop();
    this.#pool.destroy();
    this.#door.destroy();
  }

  #route(version: string): Route {
    const { route, client, tempDir, pool } = this.#settings;
    const mode =
      route.php && route.root !== undefined
        ? ({ kind: 'php', root: route.root, index: route.index } as const)
        : ({ kind: 'application', root: route.root } as const);
    const memory = route.responseBuffering ? SPOOL.memory : SPOOL.unbuffered;
    return {
      pool: this.#pool,
      balanceKey: pool.balance.name === 'hash' ? pool.balance.key : undefined,
      params: new CgiParams({ mode, params: route.params, software: `fcgi-lb/${version}` }),
      limits: {
        maxBody: route.maxBody,
        bodyTimeout: client.bodyTimeout,
        maxResponseHead: route.maxResponseHead,
        attempts: pool.attempts,
        requestBuffering: route.requestBuffering,
        tempDir,
        spool: { memory, file: route.responseBuffering ? SPOOL.file : 0, tempDir, stallTimeout: client.sendTimeout },
      },
    };
  }

  #readiness(): Readiness {
    if (this.#stopping) return { ready: false, reasons: ['the program is stopping'] };
    const upstreams = [...this.#pool.upstreams];
    // A full upstream serves; only one that cannot be reached, or is being drained, does not.
    if (upstreams.some((upstream) => !upstream.paused && !upstream.draining)) return { ready: true, reasons: [] };
    const what = upstreams.length === 0 ? 'has no upstream' : `has no upstream that answers (${upstreams.length} failing)`;
    return { ready: false, reasons: [`pool ${this.#pool.name} ${what}`] };
  }

  async #openAdmin(): Promise<readonly string[]> {
    const { admin } = this.#settings;
    if (admin.kind === 'off') return [];
    const addresses = admin.kind === 'addresses' ? admin.addresses : defaultAdminAddresses();
    const open: string[] = [];
    for (const address of addresses) {
      const server = new AdminServer({ readiness: () => this.#readiness() });
      try {
        open.push(await server.listen(address));
        this.#admin.push(server);
      } catch (error) {
        await server.close();
        // Nobody asked for the default addresses: another fcgi-lb may have them.
        if (!(error instanceof ListenError) || admin.kind === 'addresses') throw error;
        this.#logs.log.warn({ admin: address.text }, `${error.message}; going on without it (--admin sets another address)`);
      }
    }
    return open;
  }
}

function defaultAdminAddresses(): readonly Address[] {
  const tcp = parseAddress('127.0.0.1:9180');
  const runtime = process.getuid?.() === 0 ? '/run' : process.env['XDG_RUNTIME_DIR'];
  return runtime === undefined ? [tcp] : [tcp, parseAddress(join(runtime, 'fcgi-lb.sock'))];
}
