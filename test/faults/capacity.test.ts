// What workers answer, or do not, when they are asked for their capacity: the request on that
// connection succeeds all the same.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endRecord, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy, type Proxy as TestProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, rawWorker, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const GET_VALUES = 9;
const GET_VALUES_RESULT = 10;

function capacities(proxy: TestProxy): Array<number | undefined> {
  return [...proxy.program.pool.upstreams].map(({ capacity }) => capacity);
}

/** A worker that answers requests, and the question with `answer` (nothing: closes). */
function questionable(answer: Buffer | undefined) {
  return rawWorker((socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk[1] !== GET_VALUES) socket.end(Buffer.concat([stdoutRecord('Status: 200\r\n\r\nfine'), endRecord()]));
      else if (answer === undefined) socket.destroy();
      else socket.write(answer);
    });
    socket.resume();
  });
}

describe('the question for the capacity', () => {
  it('answered with a number sets it, and the request runs on the same connection', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 5, single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path)).body.toString()).toBe('fine');
    expect(capacities(proxy)).toEqual([5]);
    expect([worker.questions(), worker.connections()]).toEqual([1, 1]);
  });

  it('answered with 1 by a single process means 1', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 1, single: true });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path)).body.toString()).toBe('fine');
    expect(capacities(proxy)).toEqual([1]);
  });

  it('answered with 1 on two connections at a time means several processes: no limit', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 1, single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path)).body.toString()).toBe('fine');
    expect(capacities(proxy)).toEqual([Number.POSITIVE_INFINITY]);
  });

  it('answered without the number, as php-fpm does, means no limit', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 'none', single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path)).body.toString()).toBe('fine');
    expect(capacities(proxy)).toEqual([Number.POSITIVE_INFINITY]);
  });

  it('not answered means 1 for one of several unix sockets', async () => {
    const first = await fakeWorker(answering('fine'), { maxConns: 'hang', single: true });
    const second = await fakeWorker(answering('fine'), { maxConns: 'hang', single: true });
    const proxy = await startProxy(['--upstream', first.path, second.path]);
    const answers = await Promise.all([ask(proxy.path), ask(proxy.path, { method: 'POST', body: 'x' })]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(capacities(proxy)).toEqual([1, 1]);
  });

  it('not answered means no limit for a lone address', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 'hang', single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path)).status).toBe(200);
    expect(capacities(proxy)).toEqual([Number.POSITIVE_INFINITY]);
  });

  it('is put once: later requests find the capacity known', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 3, single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    for (let i = 0; i < 3; i += 1) await ask(proxy.path);
    expect(worker.questions()).toBe(1);
  });

  it('is not put when --max-conns says the number', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 3, single: false });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '2']);
    await ask(proxy.path);
    expect([worker.questions(), capacities(proxy)]).toEqual([0, [2]]);
  });

  it('is put again when the worker was away and has come back', async () => {
    const path = join(tempDir(), 'w.sock');
    const old = await fakeWorker(answering('old'), { path, maxConns: 3, single: false });
    const proxy = await startProxy(['--upstream', path]);
    await ask(proxy.path);
    expect(capacities(proxy)).toEqual([3]);
    await old.close();
    rmSync(path, { force: true });
    const waiting = ask(proxy.path);
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_MISSING');
    await fakeWorker(answering('new'), { path, maxConns: 7, single: false });
    expect((await waiting).body.toString()).toBe('new');
    expect(capacities(proxy)).toEqual([7]);
  });

  for (const [how, reply] of [
    ['by closing', undefined],
    ['with noise', Buffer.from('220 smtp.example ESMTP\r\n')],
    ['with a broken pair', record(GET_VALUES_RESULT, '\u000eshort', { id: 0 })],
    ['with far too many values', record(GET_VALUES_RESULT, Buffer.alloc(5000), { id: 0 })],
  ] as const) {
    it(`answered ${how} costs a connection, not the request, and is not put for ever`, async () => {
      const worker = await questionable(reply);
      const proxy = await startProxy(['--upstream', worker.address]);
      const first = await ask(proxy.path, { method: 'POST', body: 'x' });
      expect([first.status, first.body.toString()]).toEqual([200, 'fine']);
      expect(await proxy.accessLine(1)).toMatchObject({ attempts: 1 });
      for (let i = 0; i < 3; i += 1) expect((await ask(proxy.path)).status).toBe(200);
      const before = worker.connections();
      expect((await ask(proxy.path)).status).toBe(200);
      expect(worker.connections() - before).toBe(1);
    });
  }

  it('does not make a POST run twice', async () => {
    const { handler, seen } = recording(answering('fine'));
    const worker = await fakeWorker(handler, { maxConns: 'hang', single: false });
    const proxy = await startProxy(['--upstream', worker.path]);
    expect((await ask(proxy.path, { method: 'POST', path: '/pay', body: 'once' })).status).toBe(200);
    expect(seen).toEqual(['/pay']);
  });
});
