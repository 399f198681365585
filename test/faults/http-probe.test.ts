// Probes of HTTP upstreams: a request of their own, judged as a FastCGI worker's answer is, in a
// slot that comes back.

import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createProbe } from '../../src/app/registry.ts';
import type { ProbeQuestion } from '../../src/config/health.ts';
import { parseUpstreamAddress } from '../../src/core/address.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { ProbeAnswer } from '../../src/health/probe.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { requestQuestion } from '../support/parts/probed.ts';
import { startProxy } from '../support/program/proxy.ts';
import { httpUpstream } from '../support/servers/http-server.ts';
import { tempDir } from '../support/temp-dir.ts';

function upstreamAt(address: string): Upstream {
  const settings = {
    ...{ weight: 1, order: 1, maxConns: 1, keepAlive: undefined, handOver: false, disabled: false },
    timeouts: { connect: 1000, send: 1000, read: 200, linger: 1000 },
  };
  const nothing = (): void => undefined;
  const parts = {
    clock: systemClock,
    log: silentLog,
    pool: { changed: nothing },
    health: { changed: nothing, observed: nothing },
    alone: () => true,
    stateChanged: nothing,
  };
  const upstream = new Upstream(parseUpstreamAddress(address), settings, parts);
  onTestFinished(() => upstream.destroy());
  return upstream;
}

/** Asks once. The slot is free again when the answer is there. */
async function probe(address: string, question: ProbeQuestion): Promise<ProbeAnswer> {
  const upstream = upstreamAt(address);
  const loan = upstream.leaseForProbe();
  if (loan === undefined) throw new Error('no slot');
  const answer = await new Promise<ProbeAnswer>((resolve) => {
    createProbe(question, { upstream: address, clock: systemClock, speaks: 'http' }).ask(loan, resolve);
  });
  await eventually(() => expect(upstream.inFlight).toBe(0));
  return answer;
}

const page: RequestListener = (request, response) => {
  response.writeHead(request.url === '/ping?x' ? 200 : 500, { 'X-Health': 'it is ok', Status: '500' });
  response.end('pong');
};

describe('the probe of an HTTP upstream', () => {
  it.each<[string, ProbeQuestion, string]>([
    ['all as expected', requestQuestion('/ping?x', { expect: { body: { kind: 'substring', text: 'pong' } } }), 'good'],
    ['the status', requestQuestion('/other'), 'bad: status 500, expected 200-399'],
    ['the body', requestQuestion('/ping?x', { expect: { body: { kind: 'substring', text: 'x' } } }), 'bad: body without "x"'],
    [
      'a header',
      requestQuestion('/ping?x', { expect: { headers: new Map([['a', { kind: 'substring', text: '' }]]) } }),
      'bad: no header a',
    ],
    ['no request at all', { kind: 'connect' }, 'good'],
  ])('looks at %s', async (_what, question, expected) => {
    const upstream = await httpUpstream(page, 'unix');
    const answer = await probe(upstream.address, question);
    expect('reason' in answer ? `${answer.kind}: ${answer.reason}` : answer.kind).toBe(expected);
    if (question.kind === 'request') {
      expect(upstream.seen.map(({ method, headers }) => [method, headers.host, headers['user-agent']])).toEqual([
        ['GET', 'localhost', 'fcgi-lb probe'],
      ]);
    }
  });

  it('says why there was no answer', async () => {
    const silent = await httpUpstream(() => undefined, 'unix');
    expect(await probe(silent.address, requestQuestion())).toEqual({ kind: 'bad', reason: 'sent nothing for 200 ms' });
    expect(await probe('http+unix:/nonexistent/a.sock', requestQuestion())).toEqual({
      kind: 'bad',
      reason: 'the socket file does not exist',
    });
  });

  it('takes an upstream of a pool out and back in', async () => {
    let well = true;
    const upstream = await httpUpstream((request, response) => {
      response.statusCode = request.url !== '/ping' || well ? 200 : 503;
      response.end('ok');
    });
    const health = '{ probe: request, uri: /ping, interval: 20ms, rise: 1, fall: 1, when: always }';
    const file = join(tempDir(), 'f.yaml');
    const pool = `pools: { app: { upstreams: ["${upstream.address}"], health: ${health}, fail_fast_after: 10ms } }`;
    writeFileSync(file, `${pool}\n`);
    const proxy = await startProxy(['--config', file]);
    const asked = (): Promise<number> => ask(proxy.path).then(({ status }) => status);
    expect(await asked()).toBe(200);
    well = false;
    await eventually(async () => expect(await asked()).toBe(503));
    well = true;
    await eventually(async () => expect(await asked()).toBe(200));
    expect([...proxy.program.pool.upstreams].map((each) => each.state.is)).toEqual(['up']);
  });
});
