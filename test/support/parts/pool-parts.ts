// A pool of real upstreams whose workers do not exist: everything up to the socket happens, at a
// clock the test moves.

import { seeded } from '../../../bench/simulate/random.ts';
import { BALANCERS } from '../../../src/app/registry.ts';
import type { Balancer } from '../../../src/balance/balancer.ts';
import { Tiers } from '../../../src/balance/tiers.ts';
import type { BalanceName } from '../../../src/config/balance.ts';
import { unixAddress } from '../../../src/core/address.ts';
import { type FailureCode, ProxyError } from '../../../src/core/errors.ts';
import type { Lease } from '../../../src/pool/lease.ts';
import { Pool, type QueueSettings, type Waiter } from '../../../src/pool/pool.ts';
import type { QueueEntry } from '../../../src/pool/queue.ts';
import type { FcgiExchange } from '../../../src/upstream/fcgi/exchange.ts';
import type { ExchangeSink, FcgiRequest } from '../../../src/upstream/transport/request.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import type { UpstreamSettings } from '../../../src/upstream/upstream-settings.ts';
import { FakeClock } from '../fake-clock.ts';
import { tokenOf } from './balancer-parts.ts';
import { type Line, recordingLog } from './recording-log.ts';

const TIMEOUTS = { connect: 1e9, send: 1e9, read: 1e9, linger: 1e9 };

export const REQUEST: FcgiRequest = { head: Buffer.alloc(16), body: { kind: 'none' }, repeatable: true };
const DEAF: ExchangeSink = { sent: () => undefined, stdout: () => undefined, end: () => undefined, failed: () => undefined };

export interface PoolParts {
  readonly clock: FakeClock;
  readonly pool: Pool;
  readonly lines: readonly Line[];
  /** Makes an upstream and adds it to the pool. */
  join(name: string, options?: Partial<UpstreamSettings>): Upstream;
}

/** A pool as the program builds it where some upstream may be a backup. */
export function poolParts(queue: Partial<QueueSettings> = {}, balance: BalanceName = 'least-conn'): PoolParts {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  let order = 0;
  const make = (): Balancer<Upstream> => BALANCERS[balance]<Upstream>({ random: seeded(1), token: tokenOf });
  const settings = { size: 100, timeout: 1000, failFastAfter: 1e12, ...queue };
  const pool = new Pool('rt', settings, new Tiers(make(), make()), clock);
  return {
    clock,
    pool,
    lines,
    join: (name, options = {}) => {
      order += 1;
      const kept = { timeouts: TIMEOUTS, keepAlive: undefined, handOver: true };
      const settings = { ...kept, weight: 1, order, maxConns: 1, disabled: false, ...options };
      const deps = {
        clock,
        log,
        alone: () => false,
        pool,
        health: { changed: () => undefined, observed: () => undefined },
        stateChanged: () => undefined,
      };
      const upstream = new Upstream(unixAddress(`/nonexistent/${name}`), settings, deps);
      pool.add(upstream);
      return upstream;
    },
  };
}

/** Starts the exchange of a lease. It dials, and is at that until somebody ends it. */
export function start(lease: Lease): FcgiExchange {
  return lease.start(REQUEST, DEAF);
}

/** Ends the exchange of a lease at once with a failure, as if the dial had found it. */
export function fail(lease: Lease, code: FailureCode = 'FCGI_LB_CONNECT_REFUSED'): void {
  start(lease).abandon({ kind: 'failed', error: new ProxyError(code, 'test', { upstream: lease.upstream.name }) });
}

/** Someone who asks for an upstream and keeps the answer. A second answer is an error. */
export class Asker implements Waiter {
  readonly name: string;
  readonly tried: ReadonlySet<Upstream>;
  /** Everybody's own, unless it is to name an upstream. */
  readonly key: string;
  lease: Lease | undefined;
  error: ProxyError | undefined;
  readonly #heard: (asker: Asker) => void;

  constructor(
    name: string,
    tried: readonly Upstream[] = [],
    heard: (asker: Asker) => void = () => undefined,
    home?: Pick<Upstream, 'name'>,
  ) {
    this.name = name;
    this.tried = new Set(tried);
    this.key = home === undefined ? name : tokenOf(home.name);
    this.#heard = heard;
  }

  granted(lease: Lease): void {
    this.#once();
    this.lease = lease;
    this.#heard(this);
  }

  refused(error: ProxyError): void {
    this.#once();
    this.error = error;
    this.#heard(this);
  }

  /**
   * What it heard so far: the last part of the upstream's name, the code of the refusal, or
   * nothing.
   */
  get heard(): string {
    if (this.lease !== undefined) return this.lease.upstream.name.replace('/nonexistent/', '');
    return this.error?.code ?? 'nothing';
  }

  #once(): void {
    if (this.lease !== undefined || this.error !== undefined) throw new Error(`${this.name} heard twice`);
  }
}

/** Asks for an upstream in the name of somebody new, who has tried these. */
export function ask(
  { pool }: Pick<PoolParts, 'pool'>,
  name = 'someone',
  ...tried: readonly Upstream[]
): Asker & { readonly place: QueueEntry<Waiter> | undefined } {
  const asker = new Asker(name, tried);
  return Object.assign(asker, { place: pool.acquire(asker) });
}

/** Asks for an upstream in the name of somebody who belongs to one. */
export function askFor(
  { pool }: Pick<PoolParts, 'pool'>,
  home: Pick<Upstream, 'name'>,
  name = 'someone',
): Asker & { readonly place: QueueEntry<Waiter> | undefined } {
  const asker = new Asker(name, [], () => undefined, home);
  return Object.assign(asker, { place: pool.acquire(asker) });
}
