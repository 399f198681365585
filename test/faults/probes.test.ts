// What becomes of an upstream that is probed while its worker plays a script: every answer and
// every verdict, in order.

import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProbeQuestion } from '../../src/config/health.ts';
import { endRecord, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { eventually } from '../support/eventually.ts';
import { Probed, requestQuestion } from '../support/parts/probed.ts';
import { answering, fakeWorker, rawWorker } from '../support/servers/fake-worker.ts';
import { deadSocket, fullSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const GET_VALUES = 9;
const GET_VALUES_RESULT = 10;
const UNKNOWN_TYPE = 11;
const OVERLOADED = 2;

const CONNECT: ProbeQuestion = { kind: 'connect' };
const VALUES: ProbeQuestion = { kind: 'values' };
const REQUEST = requestQuestion();
const HEALTHY = new Map([['x-health', { kind: 'substring', text: 'ok' } as const]]);

/** Does with the connection what the script says, once a record has come. */
type Script = (socket: Socket, type: number) => void;

const page = (text: string): Buffer => Buffer.concat([stdoutRecord(text), endRecord()]);
const saying =
  (bytes: Buffer | string): Script =>
  (socket) =>
    void socket.end(bytes);
const well: Script = (socket, type) =>
  void socket.end(
    type === GET_VALUES ? record(GET_VALUES_RESULT, '', { id: 0 }) : page('Status: 200\r\nX-Health: it is ok\r\n\r\npong'),
  );

/** A worker at `path` that plays one script after the other, and then is well. */
async function scripted(path: string, ...scripts: readonly Script[]): Promise<void> {
  const left = [...scripts];
  await rawWorker((socket) => {
    socket.once('data', (chunk: Buffer) => (left.shift() ?? well)(socket, chunk[1] ?? 0));
    socket.resume();
  }, path);
}

const bad = (reason: string): readonly string[] => [`bad: ${reason}`, `bad: ${reason}`, `bad: ${reason}`, `DOWN: ${reason}`];
const RISES = ['good', 'good', 'UP: 2 probes in a row were answered well'];

const REFUSED = 'refused: nothing listens';
const MISSING = 'the socket file does not exist';
const CLOSED = 'closed the connection before the end of its answer; did the worker die?';
const NO_FASTCGI = 'record version 72: not FastCGI 1';

const ALL: readonly (readonly [string, ProbeQuestion])[] = [
  ['connect', CONNECT],
  ['values', VALUES],
  ['request', REQUEST],
];

describe('an upstream whose worker fails three probes and then is well', () => {
  it.each<[string, ProbeQuestion, Script, string]>([
    ['closes without a word', REQUEST, saying(''), CLOSED],
    ['closes without a word (values)', VALUES, saying(''), 'closed without an answer'],
    ['sends half a head and closes', REQUEST, saying(stdoutRecord('Status: 200\r\nContent-T')), CLOSED],
    ['sends half a head and ends', REQUEST, saying(page('Status: 200\r\nContent-T')), 'answer without a head'],
    [
      'sends half a record and closes (values)',
      VALUES,
      saying(record(GET_VALUES_RESULT, 'abc', { id: 0 }).subarray(0, 9)),
      'closed without an answer',
    ],
    ['sends nothing but an end', REQUEST, saying(endRecord()), 'answer without a head'],
    ['sends a head that is none', REQUEST, saying(page('hello\r\n\r\n')), 'bad head: header line without a colon: "hello"'],
    ['sends a status that is none', REQUEST, saying(page('Status: fine\r\n\r\n')), 'bad head: no status in "fine"'],
    ['speaks HTTP', REQUEST, saying('HTTP/1.1 400 Bad Request\r\n\r\n'), `broke the FastCGI protocol: ${NO_FASTCGI}`],
    ['speaks HTTP (values)', VALUES, saying('HTTP/1.1 400 Bad Request\r\n\r\n'), `no FastCGI: ${NO_FASTCGI}`],
    ['answers 500', REQUEST, saying(page('Status: 500 Oops\r\n\r\nx')), 'status 500, expected 200-399'],
    ['answers 404', REQUEST, saying(page('Status: 404\r\n\r\nx')), 'status 404, expected 200-399'],
    [
      'answers 204',
      requestQuestion('/ping', {
        expect: {
          statuses: [
            [200, 200],
            [300, 302],
          ],
        },
      }),
      saying(page('Status: 204\r\n\r\n')),
      'status 204, expected 200, 300-302',
    ],
    [
      'answers without the header',
      requestQuestion('/ping', { expect: { headers: HEALTHY } }),
      saying(page('Status: 200\r\n\r\n')),
      'no header x-health',
    ],
    [
      'answers with another header',
      requestQuestion('/ping', { expect: { headers: HEALTHY } }),
      saying(page('X-Health: ill\r\n\r\n')),
      'header x-health without "ok"',
    ],
    [
      'answers without the text',
      requestQuestion('/ping', { expect: { body: { kind: 'substring', text: 'pong' } } }),
      saying(page('Status: 200\r\n\r\nsorry')),
      'body without "pong"',
    ],
    [
      'answers against the pattern',
      requestQuestion('/ping', { expect: { body: { kind: 'regex', regex: /^p.ng$/ } } }),
      saying(page('Status: 200\r\n\r\npongo')),
      'body without /^p.ng$/',
    ],
    ['is no responder', REQUEST, saying(endRecord(0, 3)), 'refused: it is not a FastCGI responder'],
  ])('%s', async (_, question, script, reason) => {
    const path = join(tempDir(), 'w.sock');
    await scripted(path, script, script, script);
    const probed = new Probed(path, question);
    await probed.probes(5);
    expect(probed.story).toEqual([...bad(reason), ...RISES]);
    expect(probed.upstream.inFlight).toBe(0);
  });
});

describe.each(ALL)('an upstream that is probed by %s', (kind, question) => {
  it('and refuses: down, and up when a worker listens again', async () => {
    const path = join(tempDir(), 'w.sock');
    await deadSocket(path);
    const probed = new Probed(path, question);
    await probed.probes(4);
    rmSync(path);
    await scripted(path);
    await probed.probes(2);
    expect(probed.story).toEqual([...bad(REFUSED), `bad: ${REFUSED}`, ...RISES]);
  });

  it('and has no socket: down, and up when a worker has made one', async () => {
    const path = join(tempDir(), 'w.sock');
    const probed = new Probed(path, question);
    await probed.probes(3);
    await scripted(path);
    await probed.probes(2);
    expect(probed.story).toEqual([...bad(MISSING), ...RISES]);
  });

  it('and has a full backlog: busy, which is no verdict', async () => {
    const path = join(tempDir(), 'w.sock');
    const end = await fullSocket(path);
    const probed = new Probed(path, question);
    await probed.probes(5);
    expect(probed.story).toEqual(['busy', 'busy', 'busy', 'busy', 'busy']);
    await end();
    await probed.probes(3);
    expect(probed.story.slice(5)).toEqual(bad(REFUSED));
  });

  it('and hangs: down when the timeout has passed thrice, unless a connection is all that is asked for', async () => {
    const path = join(tempDir(), 'w.sock');
    const sockets: Socket[] = [];
    await rawWorker((socket) => {
      sockets.push(socket);
      socket.resume();
    }, path);
    const probed = new Probed(path, question);
    if (kind === 'connect') {
      await probed.probes(3);
      expect(probed.story).toEqual(['good', 'good', 'good']);
      return;
    }
    expect(probed.next()).toBe(true);
    await eventually(() => expect(sockets).toHaveLength(1));
    expect(probed.story).toEqual([]);
    probed.clock.advance(2000);
    expect(probed.story).toEqual(['given up']);
    if (kind === 'values') {
      // Its connection is closed and its slot free: the question is put again.
      expect(probed.upstream.inFlight).toBe(0);
      probed.clock.advance(14_000);
      expect(probed.story).toEqual(['given up', 'given up', 'given up', 'DOWN: no answer in 2000 ms']);
    } else {
      // The worker may still be at the request: no second one is sent while it is (DESIGN.md fact
      // 3).
      expect(probed.upstream.inFlight).toBe(1);
      probed.clock.advance(10_000);
      expect(probed.story).toEqual(['given up', 'DOWN: still at the probe it was sent 12 s ago']);
      expect(sockets).toHaveLength(1);
    }
  });
});

describe('an upstream that is probed by request', () => {
  it('and resets the connection: down, and up when it answers', async () => {
    const path = join(tempDir(), 'w.sock');
    // More than one read takes: what is left unread at the close makes the kernel send a reset.
    const params = { A: 'x'.repeat(60_000), B: 'x'.repeat(60_000) };
    const reset: Script = (socket) => void socket.destroy();
    await scripted(path, reset, reset, reset);
    const probed = new Probed(path, requestQuestion('/ping', { params }));
    await probed.probes(5);
    const reason = 'connection lost (read ECONNRESET) before the end of its answer; did the worker die?';
    expect(probed.story).toEqual([...bad(reason), ...RISES]);
  });

  it('before anybody else has asked for its capacity is asked for it, too', async () => {
    const worker = await fakeWorker(answering('pong'), { maxConns: 4, single: false });
    const probed = new Probed(worker.path, REQUEST, {}, { maxConns: 'auto' });
    await probed.probes(2);
    expect(probed.story).toEqual(['good', 'good']);
    expect([probed.upstream.capacity, worker.questions(), probed.upstream.used]).toEqual([4, 1, false]);
  });

  it('and says it is overloaded: busy, which is no verdict', async () => {
    const path = join(tempDir(), 'w.sock');
    const overloaded = saying(endRecord(0, OVERLOADED));
    await scripted(path, overloaded, overloaded, overloaded, overloaded);
    const probed = new Probed(path, REQUEST);
    await probed.probes(5);
    expect(probed.story).toEqual(['busy', 'busy', 'busy', 'busy', 'good']);
  });

  it('and answers too late: bad, and asked again once it has let go', async () => {
    const path = join(tempDir(), 'w.sock');
    const sockets: Socket[] = [];
    let late = true;
    await rawWorker((socket) => {
      socket.once('data', () => {
        if (late) sockets.push(socket);
        else well(socket, 0);
      });
      socket.resume();
    }, path);
    const probed = new Probed(path, REQUEST);
    for (let round = 1; round <= 3; round += 1) {
      expect(probed.next(20)).toBe(true);
      await eventually(() => expect(sockets).toHaveLength(round));
      probed.clock.advance(2000);
      const [socket] = sockets.slice(-1);
      if (socket !== undefined) well(socket, 0);
      await eventually(() => expect(probed.upstream.inFlight).toBe(0));
    }
    late = false;
    await probed.probes(2);
    expect(probed.story).toEqual(['given up', 'given up', 'given up', 'DOWN: no answer in 2000 ms', ...RISES]);
  });

  it('and sends its head slowly but in time is well', async () => {
    const path = join(tempDir(), 'w.sock');
    await scripted(path, (socket) => {
      const bytes = page('Status: 200\r\nContent-Type: text/plain\r\n\r\npong');
      const next = (at: number): void => {
        if (at === bytes.length) socket.end();
        else socket.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    });
    const probed = new Probed(path, REQUEST);
    await probed.probes(1);
    expect(probed.story).toEqual(['good']);
  });

  it('and answers at length is judged by the first 64 KiB of the body, and read to the end', async () => {
    const path = join(tempDir(), 'w.sock');
    const answer = (...parts: readonly string[]): Script =>
      saying(Buffer.concat([stdoutRecord('Status: 200\r\n\r\n'), ...parts.map((part) => stdoutRecord(part)), endRecord()]));
    const filler = Array.from({ length: 30 }, () => 'x'.repeat(60_000));
    await scripted(path, answer('x'.repeat(65_000), 'pong', ...filler), answer(...filler, 'pong'));
    const probed = new Probed(path, requestQuestion('/', { expect: { body: { kind: 'substring', text: 'pong' } } }));
    await probed.probes(2);
    expect(probed.story).toEqual(['good', 'bad: body without "pong"']);
  });

  it('with a pattern that remembers where it was (the flag g) is judged alike each time', async () => {
    const path = join(tempDir(), 'w.sock');
    await scripted(path);
    const probed = new Probed(path, requestQuestion('/', { expect: { body: { kind: 'regex', regex: /PONG/gi } } }));
    await probed.probes(3);
    expect(probed.story).toEqual(['good', 'good', 'good']);
  });

  it('and tries to forge a log line does not', async () => {
    const path = join(tempDir(), 'w.sock');
    await scripted(path, saying(page(`Status: 200\r\nX\x1b[2J\x7f${'y'.repeat(1000)}: a\r\n\r\n`)));
    const probed = new Probed(path, REQUEST);
    await probed.probes(1);
    expect(probed.story[0]).toMatch(/^bad: bad head: bad header name: "X\\u001b\[2J\\x7fy+\.\.\."$/);
    expect(probed.story[0]?.length).toBeLessThan(250);
  });
});

describe('an upstream that is probed by values', () => {
  it('and does not know the question, but says so, is well', async () => {
    const path = join(tempDir(), 'w.sock');
    const unknown = Buffer.from([GET_VALUES, 0, 0, 0, 0, 0, 0, 0]);
    await scripted(path, saying(record(UNKNOWN_TYPE, unknown, { id: 0 })), saying(record(GET_VALUES_RESULT, '', { id: 0 })));
    const probed = new Probed(path, VALUES);
    await probed.probes(2);
    expect(probed.story).toEqual(['good', 'good']);
  });
});
