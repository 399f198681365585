// What a worker learns of the address a client came by, over TCP and over a unix socket.

import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';

async function served(words: readonly string[] = []) {
  const worker = await fakeWorker((reply) => answer(reply, JSON.stringify(Object.fromEntries(reply.request.params))));
  return startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
}

describe('a listener', () => {
  it('on a unix socket has no addresses to tell, and a port that stays out of URLs', async () => {
    const proxy = await served();
    const params = JSON.parse((await ask(proxy.path)).body.toString()) as Record<string, string>;
    expect(params).toMatchObject({
      REMOTE_ADDR: 'unix:',
      REMOTE_PORT: '',
      SERVER_ADDR: 'unix:',
      SERVER_PORT: '80',
      SERVER_NAME: 'test.example',
      HTTP_HOST: 'test.example',
    });
    expect(await proxy.accessLine(1)).toMatchObject({ client: 'unix:' });
  });

  it('on TCP tells both ends', async () => {
    const proxy = await served(['--listen', '127.0.0.1:0']);
    const params = JSON.parse((await ask({ port: proxy.port })).body.toString()) as Record<string, string>;
    expect(params).toMatchObject({ REMOTE_ADDR: '127.0.0.1', SERVER_ADDR: '127.0.0.1', SERVER_PORT: String(proxy.port) });
    expect(params['REMOTE_PORT']).toMatch(/^\d+$/);
    expect(params['REMOTE_PORT']).not.toBe('0');
    expect(await proxy.accessLine(1)).toMatchObject({ client: '127.0.0.1' });
  });

  it('takes the host of an absolute target before that of the Host header', async () => {
    const proxy = await served();
    const { body } = await ask(proxy.path, { path: 'http://other.example:81/p?q', headers: { Host: 'test.example' } });
    const params = JSON.parse(body.toString()) as Record<string, string>;
    expect(params).toMatchObject({ HTTP_HOST: 'other.example:81', SERVER_NAME: 'other.example', REQUEST_URI: '/p?q' });
  });
});
