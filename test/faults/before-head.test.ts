// Workers that fail before the head of their answer: what is safe to repeat goes to another one, a
// POST is never sent twice.

import { describe, expect, it } from 'vitest';
import { endRecord, type Handler, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, rawWorker, recording } from '../support/servers/fake-worker.ts';

const STDOUT = 6;
const STDERR = 7;
const HEAD = 'Content-Type: text/plain\r\n\r\n';

/** Starts a worker that misbehaves and says how often it has been given a request. */
type StartBad = () => Promise<{ readonly address: string; readonly times: () => number }>;

function script(handler: Handler): StartBad {
  return async () => {
    const { handler: recorded, seen } = recording(handler);
    return { address: (await fakeWorker(recorded)).path, times: () => seen.length };
  };
}

const sends = (...bytes: Buffer[]): StartBad => script((reply) => reply.raw(Buffer.concat(bytes)));

const resets: StartBad = async () => {
  const worker = await rawWorker((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
    socket.resume();
  }, 'tcp');
  return { address: worker.address, times: worker.connections };
};

const closesUnread: StartBad = async () => {
  const worker = await rawWorker((socket) => {
    // Node reads the first bytes only when asked; closing with bytes unread is a reset on a unix
    // socket too.
    socket.once('readable', () => socket.destroy());
    socket.read(0);
  });
  return { address: worker.address, times: worker.connections };
};

/** The worker may have begun: repeatable methods go on, others end here. */
const MAYBE_BEGUN: ReadonlyArray<readonly [name: string, start: StartBad, code: string]> = [
  ['resets the connection', resets, 'FCGI_LB_UPSTREAM_CLOSED'],
  ['closes as soon as bytes come', closesUnread, 'FCGI_LB_UPSTREAM_CLOSED'],
  ['closes without a word', script((reply) => void reply.socket.end()), 'FCGI_LB_UPSTREAM_CLOSED'],
  [
    'closes in the middle of the head',
    script((reply) => {
      reply.stdout('Content-Type: text/pl');
      reply.socket.end();
    }),
    'FCGI_LB_UPSTREAM_CLOSED',
  ],
  [
    'closes in the middle of a record header',
    script((reply) => void reply.socket.end(stdoutRecord(HEAD).subarray(0, 5))),
    'FCGI_LB_UPSTREAM_CLOSED',
  ],
  ['speaks HTTP instead', sends(Buffer.from('HTTP/1.1 200 OK\r\n\r\nhello')), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends noise', sends(Buffer.from([0xff, 0, 0x1b, 0x9c, 7, 7, 7, 7, 7, 7])), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends records of version 2', sends(record(STDOUT, HEAD, { version: 2 }), endRecord()), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['answers a request of another id', sends(record(STDOUT, HEAD, { id: 2 }), endRecord()), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends STDOUT with id 0', sends(record(STDOUT, HEAD, { id: 0 }), endRecord()), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends STDERR with id 0', sends(record(STDERR, 'x', { id: 0 }), endRecord()), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends a record only we may send', sends(record(5, 'x'), endRecord()), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['ends with an END_REQUEST that is too short', sends(record(3, 'abcd')), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['ends without a head', sends(endRecord()), 'FCGI_LB_UPSTREAM_NO_HEAD'],
  ['ends in the middle of the head', sends(stdoutRecord('Content-Type: te'), endRecord()), 'FCGI_LB_UPSTREAM_NO_HEAD'],
  ['ends with an unknown protocolStatus', sends(endRecord(0, 77)), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['sends a head without a colon', sends(stdoutRecord('nonsense\r\n\r\n'), endRecord()), 'FCGI_LB_UPSTREAM_BAD_HEAD'],
];

describe('before the head of its answer a worker', () => {
  for (const [name, start, code] of MAYBE_BEGUN) {
    it(`${name}: a GET goes to another worker`, async () => {
      const bad = await start();
      const live = await fakeWorker(answering('alive'));
      const proxy = await startProxy(['--upstream', bad.address, live.path, '--balance', 'round-robin', '--max-conns', '1']);
      const answer = await ask(proxy.path);
      expect([answer.status, answer.body.toString(), answer.complete]).toEqual([200, 'alive', true]);
      expect(bad.times()).toBe(1);
      expect(await proxy.accessLine(1)).toMatchObject({ status: 200, attempts: 2, upstream: live.path });
    });

    it(`${name}: a POST gets 502 and is sent nowhere else`, async () => {
      const bad = await start();
      const live = await fakeWorker(answering('alive'));
      const proxy = await startProxy(['--upstream', bad.address, live.path, '--balance', 'round-robin', '--max-conns', '1']);
      const answer = await ask(proxy.path, { method: 'POST', body: 'pay once' });
      expect(answer.status).toBe(502);
      expect(answer.body.toString()).toBe('502 Bad Gateway\n');
      expect([bad.times(), live.connections()]).toEqual([1, 0]);
      expect(await proxy.accessLine(1)).toMatchObject({ status: 502, attempts: 1, error: code });
      await proxy.logLine(({ level, fields }) => level === 'warn' && fields['code'] === code);
    });
  }
});

describe('a worker that says it has not begun', () => {
  for (const [name, protocolStatus] of [
    ['OVERLOADED', 2],
    ['CANT_MPX_CONN', 1],
  ] as const) {
    it(`with ${name} loses the request to another worker, even a POST`, async () => {
      const bad = await sends(endRecord(0, protocolStatus))();
      const { handler, seen } = recording(answering('alive'));
      const live = await fakeWorker(handler);
      const proxy = await startProxy(['--upstream', bad.address, live.path, '--balance', 'round-robin', '--max-conns', '1']);
      const answer = await ask(proxy.path, { method: 'POST', path: '/pay', body: 'once' });
      expect([answer.status, answer.body.toString()]).toEqual([200, 'alive']);
      expect(bad.times()).toBe(1);
      expect(seen).toEqual(['/pay']);
    });
  }

  it('with UNKNOWN_ROLE is configured wrongly: 502, and no other is asked', async () => {
    const bad = await sends(endRecord(0, 3))();
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', bad.address, live.path, '--balance', 'round-robin', '--max-conns', '1']);
    expect((await ask(proxy.path)).status).toBe(502);
    expect(live.connections()).toBe(0);
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_UPSTREAM_UNKNOWN_ROLE');
  });

  it('with OVERLOADED after output has begun all the same: a POST gets 502', async () => {
    const bad = await sends(stdoutRecord('Content-Type: te'), endRecord(0, 2))();
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', bad.address, live.path, '--balance', 'round-robin', '--max-conns', '1']);
    expect((await ask(proxy.path, { method: 'POST', body: 'once' })).status).toBe(502);
    expect(live.connections()).toBe(0);
  });
});

describe('attempts', () => {
  it('are bounded: a GET that every worker fails gets 502 after --attempts', async () => {
    const { handler, seen } = recording((reply) => void reply.socket.end());
    const workers = [await fakeWorker(handler), await fakeWorker(handler), await fakeWorker(handler)];
    const proxy = await startProxy(['--upstream', ...workers.map(({ path }) => path), '--attempts', '2', '--max-conns', '1']);
    expect((await ask(proxy.path)).status).toBe(502);
    expect(seen.length).toBe(2);
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 2 });
  });
});
