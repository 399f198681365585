// X-Forwarded-For and X-Forwarded-Proto: believed from trusted proxies alone, and then everywhere;
// from others they change nothing.

import { Agent } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { reloadable } from '../support/program/reloadable.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

const NAMES = ['REMOTE_ADDR', 'REMOTE_PORT', 'SERVER_PORT', 'REQUEST_SCHEME', 'HTTPS', 'SEEN'] as const;
const SAYS = { 'X-Forwarded-For': '198.51.100.1, 192.0.2.7', 'X-Forwarded-Proto': 'https' };

/** A worker that answers with what it was told of the client. */
function telling() {
  return fakeWorker((reply) => {
    const { params } = reply.request;
    const told = Object.fromEntries(NAMES.flatMap((name) => (params.has(name) ? [[name, params.get(name)]] : [])));
    return answering(JSON.stringify(told))(reply);
  });
}

const WORDS = ['--listen', '127.0.0.1:0', '--param', 'SEEN=$remote_addr $scheme $https'];

describe('what a client says of itself', () => {
  it.each([
    ['when nobody is trusted', []],
    ['when others are', ['--trusted-proxy', '10.0.0.0/8', '--trusted-proxy', 'unix']],
  ])('changes nothing %s', async (_when, words) => {
    const worker = await telling();
    const { port, accessLine } = await startProxy(['--upstream', worker.path, ...WORDS, ...words]);
    const { body } = await ask({ port }, { headers: SAYS });
    expect(JSON.parse(body.toString())).toEqual({
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_PORT: expect.stringMatching(/^\d+$/),
      SERVER_PORT: String(port),
      REQUEST_SCHEME: 'http',
      SEEN: '127.0.0.1 http ',
    });
    expect((await accessLine(1)).client).toBe('127.0.0.1');
  });
});

describe('what a trusted proxy says of a client', () => {
  it('holds for parameters, variables and the access log', async () => {
    const worker = await telling();
    const { port, accessLine } = await startProxy(['--upstream', worker.path, ...WORDS, '--trusted-proxy', '127.0.0.0/8']);
    const { body } = await ask({ port }, { headers: SAYS });
    expect(JSON.parse(body.toString())).toEqual({
      REMOTE_ADDR: '192.0.2.7',
      REMOTE_PORT: '',
      SERVER_PORT: '443',
      REQUEST_SCHEME: 'https',
      HTTPS: 'on',
      SEEN: '192.0.2.7 https on',
    });
    const line = await accessLine(1);
    expect([line.client, line.followed?.peer.https]).toEqual(['192.0.2.7', true]);
  });

  it('holds for one request, not for the next on the same connection', async () => {
    const worker = await telling();
    const { port, accessLine } = await startProxy(['--upstream', worker.path, ...WORDS, '--trusted-proxy', '127.0.0.1']);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (const [index, address] of ['192.0.2.1', '192.0.2.2', '2001:db8::3'].entries()) {
      const { body } = await ask({ port }, { agent, headers: { 'X-Forwarded-For': address } });
      expect(JSON.parse(body.toString())).toMatchObject({ REMOTE_ADDR: address, REQUEST_SCHEME: 'http' });
      expect((await accessLine(index + 1)).client).toBe(address);
    }
  });

  it('does not take the place of parameters that the operator gives', async () => {
    const worker = await telling();
    const words = ['--param', 'HTTPS=mine', '--param', 'SERVER_PORT=8443', '--trusted-proxy', '127.0.0.1'];
    const { port } = await startProxy(['--upstream', worker.path, ...WORDS, ...words]);
    const { body } = await ask({ port }, { headers: SAYS });
    expect(JSON.parse(body.toString())).toMatchObject({ HTTPS: 'mine', SERVER_PORT: '8443', REQUEST_SCHEME: 'https' });
  });

  it('is believed on a unix socket when that is trusted, from the reload on that says so', async () => {
    const worker = await telling();
    const pools = `pools: { rt: { upstreams: [${worker.path}] } }\n`;
    const { proxy, reload } = await reloadable(pools);
    const address = async (): Promise<unknown> => {
      const { body } = await ask(proxy.path, { headers: SAYS });
      return (JSON.parse(body.toString()) as Record<string, unknown>)['REMOTE_ADDR'];
    };
    expect(await address()).toBe('unix:');
    await reload(`${pools}trusted_proxies: unix\n`);
    expect(await address()).toBe('192.0.2.7');
    await reload(`${pools}trusted_proxies: [127.0.0.1]\n`);
    expect(await address()).toBe('unix:');
  });

  it('spreads clients over upstreams by their own addresses', async () => {
    const workers = await Promise.all(['a', 'b', 'c', 'd'].map((text) => fakeWorker(answering(text))));
    const words = ['--balance', 'hash:$remote_addr', '--listen', '127.0.0.1:0', '--trusted-proxy', '127.0.0.1'];
    const { port } = await startProxy(['--upstream', ...workers.map(({ path }) => path), ...words]);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i += 1) {
      seen.add((await ask({ port }, { headers: { 'X-Forwarded-For': `192.0.2.${i}` } })).body.toString());
    }
    expect(seen.size).toBeGreaterThan(1);
  });
});
