// Requests that fail at one upstream and are answered by another: clients notice nothing, and the
// operator is told.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../src/config/defaults.ts';
import { startCWorkers } from '../peers/libfcgi.ts';
import { ask } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { type Proxy as RunningProxy, startProxy, withPool } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');
const IN_TURN = ['--balance', 'round-robin', '--max-conns', '1'];
const savedIn = ({ log }: RunningProxy) => log.filter(({ fields }) => fields['answered_by'] !== undefined);

describe('a request that another upstream saves', () => {
  it('leaves one line that says who failed it and how, and who has answered', async () => {
    const silent = await fakeWorker(() => undefined);
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', silent.path, live.path, ...IN_TURN, '--read-timeout', '150ms']);
    expect((await ask(proxy.path, { path: '/report?1' })).body.toString()).toBe('alive');
    const { requestId } = await proxy.accessLine(1);
    expect(savedIn(proxy)).toEqual([
      {
        level: 'info',
        message: `${silent.path}: sent nothing for 150 ms; ${live.path} has answered the request`,
        fields: {
          request_id: requestId,
          code: 'FCGI_LB_UPSTREAM_READ_TIMEOUT',
          method: 'GET',
          path: '/report?1',
          upstream: silent.path,
          answered_by: live.path,
          attempts: 2,
        },
      },
    ]);
  });

  it('leaves it for the worker that lost it, not for one that is not there', async () => {
    const missing = join(tempDir(), 'a.sock');
    await deadSocket(missing);
    const dies = await fakeWorker((reply) => void reply.socket.destroy());
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', dies.path, missing, live.path, ...IN_TURN]);
    expect((await ask(proxy.path)).status).toBe(200);
    expect(savedIn(proxy).map(({ fields: { upstream, code } }) => [upstream, code])).toEqual([
      [dies.path, 'FCGI_LB_UPSTREAM_CLOSED'],
    ]);
  });

  it('leaves a number when there are many', async () => {
    const dies = await fakeWorker((reply) => void reply.socket.destroy(), { single: false });
    const live = await fakeWorker(answering('alive'), { single: false });
    const proxy = await startProxy(
      ['--upstream', dies.path, live.path, '--balance', 'first', '--max-conns', '1'],
      withPool({ passive: undefined }),
    );
    let asked = 0;
    while (proxy.access.filter(({ attempts }) => attempts === 2).length < 8) {
      asked += 1;
      expect((await ask(proxy.path)).status).toBe(200);
      await proxy.accessLine(asked);
    }
    expect(savedIn(proxy)).toHaveLength(5);
    await proxy.stop();
    expect(proxy.log.filter(({ fields }) => fields['requests'] === 3)).toHaveLength(1);
  });

  itC('by a libfcgi worker that is killed leaves it, too', async () => {
    const workers = await startCWorkers(2);
    const proxy = await startProxy(['--upstream', workers.glob]);
    expect((await ask(proxy.path, { path: '/die-once?at-once' })).status).toBe(200);
    expect(savedIn(proxy)).toMatchObject([
      { fields: { code: 'FCGI_LB_UPSTREAM_CLOSED', path: '/die-once?at-once', attempts: 2 } },
    ]);
  });
});

describe('a request that nothing saves', () => {
  it('leaves none: a POST that fails, and an answer that is the same again', async () => {
    const dies = await fakeWorker((reply) => void reply.socket.destroy());
    const proxy = await startProxy(['--upstream', dies.path, ...IN_TURN]);
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(502);
    const sorry = await fakeWorker((reply) => {
      reply.stdout('Status: 503 Sorry\r\n\r\n');
      reply.end();
    });
    const again = await startProxy(
      ['--upstream', sorry.path, ...IN_TURN],
      withPool({ retry: { ...RETRY_DEFAULTS, statuses: new Set([503]) } }),
    );
    expect((await ask(again.path)).status).toBe(503);
    expect(again.access.at(-1)?.attempts ?? (await again.accessLine(1)).attempts).toBe(3);
    expect([...savedIn(proxy), ...savedIn(again)]).toEqual([]);
  });
});
