// Any sequence of settings, under requests that run and wait across it, against a model: no worker
// above its capacity, whichever pools it is in and moves between, and no request lost.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import type { PoolSettings, Settings, UpstreamSpec } from '../../src/config/settings.ts';
import { parseAddress } from '../../src/core/address.ts';
import type { Reply } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

/** All pools share them. */
const WORKERS = 3;
const POOLS = ['default', 'other'] as const;
type PoolName = (typeof POOLS)[number];

interface PoolStep {
  readonly name: PoolName;
  /** Which workers, possibly none. */
  readonly members: readonly number[];
  readonly capacity: number;
  readonly balance: PoolSettings['balance'];
}

type Step =
  /** Only these pools. */
  | { readonly kind: 'settings'; readonly pools: readonly PoolStep[] }
  | { readonly kind: 'request'; readonly pool: PoolName }
  /** The worker that has been at its request for the longest time answers. */
  | { readonly kind: 'answer' };

const poolStep = (name: PoolName): fc.Arbitrary<PoolStep> =>
  fc.record({
    name: fc.constant(name),
    members: fc.oneof(fc.constant([0, 1, 2]), fc.constantFrom([1, 2], [0, 2], [0, 1]), fc.uniqueArray(fc.nat(WORKERS - 1))),
    capacity: fc.constantFrom(1, 1, 1, 2, 3),
    balance: fc.constantFrom<PoolSettings['balance']>(
      { name: 'least-conn' },
      { name: 'first' },
      { name: 'round-robin' },
      { name: 'random-two' },
    ),
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('request' as const), pool: fc.constantFrom(...POOLS) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'answer' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settings' as const),
      // Mostly one of them stays, so that workers leave, come back and move while they are busy.
      pools: fc.oneof(
        { weight: 3, arbitrary: poolStep('default').map((pool) => [pool]) },
        { weight: 1, arbitrary: poolStep('other').map((pool) => [pool]) },
        { weight: 3, arbitrary: fc.tuple(poolStep('default'), poolStep('other')) },
      ),
    }),
  },
);

interface Worker {
  readonly path: string;
  readonly replies: Reply[];
}

describe('any sequence of settings', { timeout: 120_000 }, () => {
  it('lets no worker have more than its capacity, and answers every request', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => new Run().play(steps)),
      { numRuns: 60 },
    );
  });
});

class Run {
  readonly #workers: Worker[] = [];
  /**
   * What a worker may have at most, as the latest settings say, those that are being taken up, and
   * pools that still finish.
   */
  #allowed: readonly number[] = [1];
  /** What the latest settings in which it was said of each pool. */
  readonly #said = new Map<string, number>([['default', 1]]);
  readonly #violations: string[] = [];

  async play(steps: readonly Step[]): Promise<void> {
    await this.#startWorkers();
    const first = this.#workers.map(({ path }) => path);
    const proxy = await startProxy(['--upstream', ...first, '--max-conns', '1']);
    const { program } = proxy;
    const base = program.settings;
    const answers: Promise<number>[] = [];
    for (const each of steps) {
      if (each.kind === 'request')
        answers.push(ask(proxy.path, { path: `/${each.pool}` }).then(({ status, complete }) => (complete ? status : 0)));
      else if (each.kind === 'answer') this.#answerOne();
      else {
        this.#allowed = [...this.#allowed, ...each.pools.map(({ capacity }) => capacity)];
        for (const { name, capacity } of each.pools) this.#said.set(name, capacity);
        await proxy.takeUp({ ...base, ...this.#settings(base, each.pools) });
      }
      await eventually(() => {
        const asked = answers.length;
        const { pools } = program.operator.status();
        expect(
          proxy.access.length +
            sum(pools.flatMap(({ queue, upstreams }) => [queue.waiting, ...upstreams.map((up) => up.in_flight)])),
        ).toBe(asked);
        this.#expectInStep(program.operator.status());
      });
      this.#allowed = program.operator.status().pools.map(({ name }) => this.#said.get(name) ?? 0);
    }
    const whole = POOLS.map((name): PoolStep => ({ name, members: [0, 1, 2], capacity: 1, balance: { name: 'first' } }));
    this.#allowed = [...this.#allowed, 1];
    await proxy.takeUp({ ...base, ...this.#settings(base, whole) });
    await eventually(() => {
      while (this.#answerOne());
      const { pools } = program.operator.status();
      expect(sum(pools.flatMap(({ queue, upstreams }) => [queue.waiting, ...upstreams.map((up) => up.in_flight)]))).toBe(0);
    });
    expect(await Promise.all(answers)).toEqual(answers.map(() => 200));
    expect(this.#violations).toEqual([]);
    await proxy.stop();
  }

  /** What is in flight at an address, once or in several entries, is what its worker has. */
  #expectInStep({ pools }: Status): void {
    const all = pools.flatMap(({ upstreams }) => upstreams);
    for (const { path, replies } of this.#workers) {
      expect(sum(all.filter(({ name }) => name === path).map((each) => each.in_flight))).toBe(replies.length);
    }
  }

  async #startWorkers(): Promise<void> {
    const directory = tempDir();
    for (let i = 0; i < WORKERS; i += 1) {
      const worker: Worker = { path: join(directory, `w${i}.sock`), replies: [] };
      const handler = (reply: Reply): void => {
        worker.replies.push(reply);
        const most = Math.max(...this.#allowed);
        if (worker.replies.length > most) this.#violations.push(`worker ${i} has ${worker.replies.length} of ${most}`);
      };
      await fakeWorker(handler, { path: worker.path, single: false });
      this.#workers.push(worker);
    }
  }

  #answerOne(): boolean {
    const reply = this.#workers.find(({ replies }) => replies.length > 0)?.replies.shift();
    if (reply !== undefined) answer(reply, 'done');
    return reply !== undefined;
  }

  /** Requests for a pool that is not there go to the one that is. */
  #settings(base: Settings, pools: readonly PoolStep[]): Pick<Settings, 'pools' | 'routes'> {
    const [first] = base.pools;
    const [spec] = first?.upstreams ?? [];
    const [route] = base.routes;
    if (first === undefined || spec === undefined || route?.kind !== 'pool') throw new Error('no pool');
    return {
      pools: pools.map(({ name, members, capacity, balance }) => {
        const paths = members.map((index) => this.#workers[index]?.path ?? '');
        const upstreams = paths.map((path): UpstreamSpec => ({ ...spec, kind: 'address', address: parseAddress(path) }));
        return { ...first, name, upstreams, maxConns: capacity, balance };
      }),
      routes: pools.map(({ name }, index) => {
        const path = index === 0 ? '/' : `/${name}`;
        return { ...route, pool: name, match: { ...route.match, path: { kind: 'prefix', path, final: false } } };
      }),
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
