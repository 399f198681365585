// A pool that is probed: workers that fail their probes get no requests, come back when they are
// well, and are left alone while they work.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProbeSettings } from '../../src/config/health.ts';
import type { UpstreamSpec } from '../../src/config/settings.ts';
import type { Reply } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { requestQuestion } from '../support/parts/probed.ts';
import { type Proxy as RunningProxy, startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const PROBE: ProbeSettings = {
  question: requestQuestion('/probe'),
  interval: 20,
  timeout: 5000,
  rise: 2,
  fall: 2,
  when: 'idle',
  wake: true,
};

async function probed(
  paths: readonly string[],
  probe: Partial<ProbeSettings> = {},
  upstream: (spec: UpstreamSpec, at: number) => UpstreamSpec = (spec) => spec,
): Promise<RunningProxy> {
  return startProxy(['--upstream', ...paths, '--max-conns', '1'], (settings) => ({
    ...settings,
    pools: settings.pools.map((pool) => ({ ...pool, probe: { ...PROBE, ...probe }, upstreams: pool.upstreams.map(upstream) })),
  }));
}

const stateOf = (proxy: RunningProxy, path: string): string => {
  const upstream = [...proxy.program.pool.upstreams].find(({ name }) => name === path);
  return upstream === undefined ? 'gone' : `${upstream.state.is}: ${upstream.state.reason}`;
};

describe('a pool with probes', () => {
  it('gives nothing to a worker that fails them, says why, and uses it again when it is well', async () => {
    let status = 500;
    const sick = await fakeWorker((reply) => {
      const isProbe = reply.request.params.get('REQUEST_URI') === '/probe';
      reply.stdout(`Status: ${isProbe ? status : 200}\r\nContent-Type: text/plain\r\n\r\nsick`);
      reply.end();
    });
    const well = await fakeWorker((reply) => answer(reply, 'well'));
    const proxy = await probed([sick.path, well.path]);
    await eventually(() => expect(stateOf(proxy, sick.path)).toBe('down: status 500, expected 200-399'));
    const bodies = await Promise.all(Array.from({ length: 8 }, async () => (await ask(proxy.path)).body.toString()));
    expect(new Set(bodies)).toEqual(new Set(['well']));
    status = 204;
    await eventually(() => expect(stateOf(proxy, sick.path)).toBe('up: 2 probes in a row were answered well'));
    await eventually(async () => expect((await ask(proxy.path)).body.toString()).toBe('sick'));
    const states = proxy.log.flatMap(({ fields }) => (fields['upstream'] === sick.path ? (fields['state'] ?? []) : []));
    expect(states).toEqual(['down', 'up']);
  });

  it('puts no probe behind a request: a busy worker is not probed, and counts as alive', async () => {
    const { handler, next } = holding();
    const { handler: seen, seen: paths } = recording(handler);
    const worker = await fakeWorker(seen);
    const { handler: counted, seen: probes } = recording((reply) => answer(reply, 'other'));
    const other = await fakeWorker(counted);
    const proxy = await probed([worker.path, other.path], {}, (spec, at) => ({ ...spec, backup: at > 0 }));
    const work = (async (): Promise<Reply> => {
      for (;;) {
        const reply = await next();
        if (reply.request.params.get('REQUEST_URI') === '/work') return reply;
        answer(reply, 'probe');
      }
    })();
    const worked = ask(proxy.path, { path: '/work' });
    const reply = await work;
    const [before, mark] = [paths.length, probes.length];
    await eventually(() => expect(probes.length).toBeGreaterThan(mark + 5));
    expect(paths.length).toBe(before);
    expect(stateOf(proxy, worker.path)).toMatch(/^up/);
    answer(reply, 'worked');
    expect((await worked).body.toString()).toBe('worked');
  });

  it('asks nothing of a worker that nobody has used yet when told not to wake it', async () => {
    const { handler, seen } = recording((reply) => answer(reply, 'awake'));
    const awake = await fakeWorker(handler);
    const asleep = await fakeWorker(answering('asleep'));
    const proxy = await probed([awake.path, asleep.path], { wake: false }, (spec, at) => ({ ...spec, backup: at > 0 }));
    expect((await ask(proxy.path, { path: '/first' })).body.toString()).toBe('awake');
    await eventually(() => expect(seen.filter((path) => path === '/probe').length).toBeGreaterThan(10));
    expect(asleep.connections()).toBe(0);
  });

  it('lets requests wait when every worker fails its probes, until one is well again', async () => {
    let good = false;
    const path = join(tempDir(), 'w.sock');
    await fakeWorker(
      (reply) => {
        const isProbe = reply.request.params.get('REQUEST_URI') === '/probe';
        reply.stdout(`Status: ${good || !isProbe ? 200 : 500}\r\nContent-Type: text/plain\r\n\r\nserved`);
        reply.end();
      },
      { path },
    );
    const proxy = await probed([path]);
    await eventually(() => expect(stateOf(proxy, path)).toMatch(/^down/));
    const waiting = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    good = true;
    expect((await waiting).body.toString()).toBe('served');
  });
});
