// Any sequence of settings, under requests that run and wait across it, against a model: no address above its capacity, no request lost.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import type { PoolSettings, Settings, UpstreamSpec } from '../../src/config/settings.ts';
import { parseAddress } from '../../src/core/address.ts';
import { eventually } from '../helpers/eventually.ts';
import { answer, fakeWorker } from '../helpers/fake-worker.ts';
import { ask } from '../helpers/http-client.ts';
import { startProxy } from '../helpers/proxy.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Reply } from '../peers/fastcgi-server.ts';

/** Of each pool: a worker of two pools would be two strangers. */
const WORKERS = 3;
const POOLS = ['default', 'other'];

type Step =
  /** Only this pool, with these of its workers, possibly none. */
  | {
      readonly kind: 'settings';
      readonly pool: number;
      readonly members: readonly number[];
      readonly capacity: number;
      readonly balance: PoolSettings['balance'];
    }
  | { readonly kind: 'request' }
  /** The worker that has been at its request for the longest time answers. */
  | { readonly kind: 'answer' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ kind: 'request' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'answer' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settings' as const),
      // Mostly the same pool, so that its workers leave and come back while they are busy.
      pool: fc.constantFrom(0, 0, 0, 0, 1),
      members: fc.oneof(fc.constant([0, 1, 2]), fc.constantFrom([1, 2], [0, 2], [0, 1]), fc.uniqueArray(fc.nat(WORKERS - 1))),
      capacity: fc.integer({ min: 1, max: 3 }),
      balance: fc.constantFrom<PoolSettings['balance']>(
        { name: 'least-conn' },
        { name: 'first' },
        { name: 'round-robin' },
        { name: 'random-two' },
      ),
    }),
  },
);

interface Worker {
  readonly path: string;
  readonly replies: Reply[];
}

describe('any sequence of settings', () => {
  it('lets no worker have more than its capacity, and answers every request', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => new Run().play(steps)),
      { numRuns: 60 },
    );
  });
});

class Run {
  readonly #workers: Worker[] = [];
  /** What a worker of each pool may have at most: as the latest settings that named its pool say, and those that are being taken up. */
  readonly #allowed = POOLS.map((): readonly number[] => [1]);
  readonly #violations: string[] = [];

  async play(steps: readonly Step[]): Promise<void> {
    await this.#startWorkers();
    const first = this.#workers.slice(0, WORKERS).map(({ path }) => path);
    const proxy = await startProxy(['--upstream', ...first, '--max-conns', '1']);
    const { program } = proxy;
    const base = program.settings;
    const answers: Promise<number>[] = [];
    for (const each of steps) {
      if (each.kind === 'request') answers.push(ask(proxy.path).then(({ status, complete }) => (complete ? status : 0)));
      else if (each.kind === 'answer') this.#answerOne();
      else {
        this.#allow(each.pool, [...this.#allowedIn(each.pool), each.capacity]);
        await program.reload({ ...base, ...this.#settings(base, each) });
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
      if (each.kind === 'settings') this.#allow(each.pool, [each.capacity]);
    }
    const whole = POOLS.map((_, pool) =>
      this.#settings(base, { kind: 'settings', pool, members: [0, 1, 2], capacity: 1, balance: { name: 'first' } }),
    );
    for (const pool of POOLS.keys()) this.#allow(pool, [...this.#allowedIn(pool), 1]);
    await program.reload({ ...base, pools: whole.flatMap(({ pools }) => pools), routes: whole[0]?.routes ?? [] });
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
    for (let i = 0; i < WORKERS * POOLS.length; i += 1) {
      const worker: Worker = { path: join(directory, `w${i}.sock`), replies: [] };
      const handler = (reply: Reply): void => {
        worker.replies.push(reply);
        const most = Math.max(...this.#allowedIn(Math.floor(i / WORKERS)));
        if (worker.replies.length > most) this.#violations.push(`worker ${i} has ${worker.replies.length} of ${most}`);
      };
      await fakeWorker(handler, { path: worker.path, single: false });
      this.#workers.push(worker);
    }
  }

  #allow(pool: number, capacities: readonly number[]): void {
    this.#allowed[pool] = capacities;
  }

  #allowedIn(pool: number): readonly number[] {
    return this.#allowed[pool] ?? [];
  }

  #answerOne(): boolean {
    const reply = this.#workers.find(({ replies }) => replies.length > 0)?.replies.shift();
    if (reply !== undefined) answer(reply, 'done');
    return reply !== undefined;
  }

  #settings(
    base: Settings,
    { pool, members, capacity, balance }: Extract<Step, { kind: 'settings' }>,
  ): Pick<Settings, 'pools' | 'routes'> {
    const [first] = base.pools;
    const [spec] = first?.upstreams ?? [];
    const [route] = base.routes;
    if (first === undefined || spec === undefined || route?.kind !== 'pool') throw new Error('no pool');
    const name = POOLS[pool] ?? '';
    const paths = members.map((index) => this.#workers[pool * WORKERS + index]?.path ?? '');
    const upstreams = paths.map((path): UpstreamSpec => ({ ...spec, kind: 'address', address: parseAddress(path) }));
    return { pools: [{ ...first, name, upstreams, maxConns: capacity, balance }], routes: [{ ...route, pool: name }] };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
