// The running program: builds every room from the settings, connects them, and takes them down in order.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AdminServer, type Readiness } from '../admin/server.ts';
import type { PoolRoute } from '../config/route.ts';
import type { Settings } from '../config/settings.ts';
import { type Address, ConfigError, parseAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { ListenError } from '../core/listen.ts';
import type { KeyRule } from '../http/balance-key.ts';
import { CgiParams } from '../http/cgi-params.ts';
import { Door } from '../http/door.ts';
import type { Route } from '../http/route.ts';
import type { Pool } from '../pool/pool.ts';
import { LivingPool } from './living-pool.ts';
import type { Logs } from './logging.ts';

/** Bytes of an answer kept in memory for a slow client, and then in its temporary file. */
const SPOOL = { memory: 256 * 1024, file: 1024 ** 3, unbuffered: 64 * 1024 } as const;

export class Program {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #logs: Logs;
  readonly #pools: ReadonlyMap<string, LivingPool>;
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
    const secret = randomBytes(32).toString('base64url');
    this.#pools = new Map(settings.pools.map((pool) => [pool.name, new LivingPool(pool, clock, log, secret)]));
    const [only] = settings.routes;
    if (only === undefined) throw new ConfigError('no route: nothing says where requests go');
    if (only.kind !== 'pool') throw new ConfigError(`a ${only.kind} route is not supported yet`);
    const route = this.#route(only, version);
    this.#door = new Door(settings.client, { clock, log, accessLog }, () => route);
  }

  /** The first pool: the only one when options, not a file, say what to serve. */
  get pool(): Pool {
    const [first] = this.#pools.values();
    if (first === undefined) throw new Error('a program has at least one pool');
    return first.pool;
  }

  /**
   * Finds the upstreams and opens the doors.
   * @throws ListenError
   */
  async start(): Promise<void> {
    const { log } = this.#logs;
    await Promise.all([...this.#pools.values()].map((pool) => pool.start()));
    const listening: string[] = [];
    for (const address of this.#settings.listen) listening.push(await this.#door.listen(address));
    const admin = await this.#openAdmin();
    const pools = [...this.#pools.values()];
    const count = pools.reduce((sum, { pool }) => sum + pool.upstreams.size, 0);
    const facts = pools.map((pool) => pool.facts());
    log.info(
      { listen: listening, admin, ...(facts.length === 1 ? facts[0] : { pools: facts }) },
      `listening on ${listening.join(', ')}, serving from ${count} upstream${count === 1 ? '' : 's'}`,
    );
  }

  /**
   * Stops gracefully: accepts nothing more, finishes every request, at most for the shutdown timeout.
   * @returns whether every request was finished
   */
  async stop(): Promise<boolean> {
    const { log } = this.#logs;
    this.#stopping = true;
    log.info({ active: this.#door.active, waiting: this.#waiting }, 'stopping: finishing what runs');
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
    for (const pool of this.#pools.values()) pool.destroy();
    this.#door.destroy();
  }

  /** Requests that wait for an upstream. */
  get #waiting(): number {
    return [...this.#pools.values()].reduce((sum, { pool }) => sum + pool.waiting, 0);
  }

  /** @throws ConfigError, ParamsTooLargeError */
  #route(route: PoolRoute, version: string): Route {
    const { client, tempDir } = this.#settings;
    const living = this.#pools.get(route.pool);
    if (living === undefined) throw new ConfigError(`a route leads to pool ${route.pool}, which does not exist`);
    const { pool, settings, retryBudget } = living;
    const mode =
      route.php && route.root !== undefined
        ? ({ kind: 'php', root: route.root, index: route.index } as const)
        : ({ kind: 'application', root: route.root } as const);
    const memory = route.responseBuffering ? SPOOL.memory : SPOOL.unbuffered;
    return {
      pool,
      retry: settings.retry,
      retryBudget,
      balanceKey: keyRule(living, route),
      params: new CgiParams({ mode, params: route.params, software: `fcgi-lb/${version}` }),
      limits: {
        maxBody: route.maxBody,
        bodyTimeout: client.bodyTimeout,
        maxResponseHead: route.maxResponseHead,
        requestBuffering: route.requestBuffering,
        tempDir,
        spool: { memory, file: route.responseBuffering ? SPOOL.file : 0, tempDir, stallTimeout: client.sendTimeout },
      },
    };
  }

  #readiness(): Readiness {
    if (this.#stopping) return { ready: false, reasons: ['the program is stopping'] };
    const reasons = [...this.#pools.values()].flatMap((pool) => pool.unready() ?? []);
    return { ready: reasons.length === 0, reasons };
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

function keyRule({ settings: { balance }, sticky }: LivingPool, { params }: PoolRoute): KeyRule | undefined {
  // The operator who says that TLS ends in front of us says so with this parameter.
  if (sticky !== undefined) return { kind: 'sticky', cookie: sticky, https: /^(?:on|1)$/i.test(params.get('HTTPS') ?? '') };
  return balance.name === 'hash' ? balance.key : undefined;
}
