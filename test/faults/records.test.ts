// Answers that are unusual but right: every byte of the body arrives, whatever the records look
// like.

import { describe, expect, it } from 'vitest';
import { endRecord, type Handler, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

const HEAD = 'Content-Type: text/plain\r\n\r\n';
const STDOUT = 6;
const STDERR = 7;

async function answerOf(handler: Handler, words: readonly string[] = []) {
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  const answer = await ask(proxy.path);
  return { answer, proxy };
}

/** Writes the bytes in pieces, each when the one before has left, so that they arrive apart. */
async function inPieces(write: (piece: Buffer, left: () => void) => void, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise<void>((resolve) => write(bytes.subarray(at, at + size), () => setImmediate(resolve)));
  }
}

describe('an answer', () => {
  it('with records of unknown types between its own is read past them', async () => {
    const { answer } = await answerOf((reply) => {
      reply.raw(record(200, 'what is this', { padding: 3 }));
      reply.raw(stdoutRecord(HEAD));
      reply.raw(record(99, Buffer.alloc(65_535, 1), { id: 0 }));
      reply.raw(record(11, 'unknown', { id: 0 }));
      reply.raw(stdoutRecord('body'));
      reply.end();
    });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'body']);
  });

  it('with empty STDOUT and STDERR records in the middle goes on after them', async () => {
    const { answer } = await answerOf((reply) => {
      reply.raw(record(STDOUT, ''));
      reply.raw(record(STDERR, ''));
      reply.raw(stdoutRecord(HEAD));
      reply.raw(record(STDOUT, '', { padding: 8 }));
      reply.raw(stdoutRecord('one '));
      reply.raw(record(STDERR, ''));
      reply.raw(record(STDOUT, ''));
      reply.raw(stdoutRecord('two'));
      reply.end();
    });
    expect(answer.body.toString()).toBe('one two');
  });

  it('with 255 bytes of padding after every record loses and gains nothing', async () => {
    const text = 'abcdefghij'.repeat(1000);
    const { answer } = await answerOf((reply) => {
      reply.stdout(HEAD + text, { padding: 255, recordSize: 777 });
      reply.end();
    });
    expect(answer.body.toString()).toBe(text);
  });

  it('of full records, 65,535 bytes and padding, arrives byte by byte', async () => {
    const body = Buffer.alloc(5 * 65_535, 0);
    for (let i = 0; i < body.length; i += 1) body[i] = (i * 7 + (i >> 8)) & 255;
    const { answer } = await answerOf((reply) => {
      reply.stdout(HEAD);
      reply.stdout(body, { recordSize: 65_535, padding: 255 });
      reply.end();
    });
    expect(answer.body.equals(body)).toBe(true);
  });

  it('whose head comes one byte a record is understood', async () => {
    const { answer } = await answerOf((reply) => {
      reply.stdout('Status: 404 Not Here\r\nX-One: 1\r\nX-Two: 2\r\n\r\nbody', { recordSize: 1 });
      reply.end();
    });
    expect([answer.status, answer.reason, answer.headers['x-two'], answer.body.toString()]).toEqual([
      404,
      'Not Here',
      '2',
      'body',
    ]);
  });

  it('whose every byte comes alone is understood', async () => {
    const { answer } = await answerOf(async (reply) => {
      const bytes = Buffer.concat([stdoutRecord(`${HEAD}slow`, 5), record(STDERR, 'note'), endRecord()]);
      await inPieces((piece, left) => reply.socket.write(piece, left), bytes, 1);
      reply.socket.end();
    });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'slow']);
  });

  it('with line ends of LF alone, no reason phrase and no body is understood', async () => {
    const { answer } = await answerOf((reply) => {
      reply.stdout('Status: 201\nX-Perl: old\n\n');
      reply.end();
    });
    expect([answer.status, answer.headers['x-perl'], answer.headers['content-length']]).toEqual([201, 'old', '0']);
  });

  it('after 100 KB of STDERR arrives, and the log gets a bounded part of it', async () => {
    const { answer, proxy } = await answerOf((reply) => {
      reply.stderr(Buffer.alloc(60_000, 'e'));
      reply.stderr(Buffer.alloc(40_000, 'e'));
      reply.stdout(`${HEAD}fine`);
      reply.end();
    });
    expect(answer.body.toString()).toBe('fine');
    const line = await proxy.logLine(({ message }) => message === 'worker wrote to STDERR');
    expect(String(line.fields['stderr']).length).toBeLessThan(5000);
  });

  it('with a head of 30 KB passes whole', async () => {
    const value = 'v'.repeat(1000);
    const lines = Array.from({ length: 12 }, (_, i) => `X-Large-${i}: ${value}\r\n`).join('');
    const { answer } = await answerOf((reply) => {
      reply.stdout(`${lines}${HEAD}fine`);
      reply.end();
    });
    expect(answer.headers['x-large-11']).toBe(value);
    expect(answer.body.toString()).toBe('fine');
  });

  it('with a head over the limit gets 502, and nothing of it reaches the client', async () => {
    const { answer, proxy } = await answerOf(
      (reply) => {
        reply.stdout(`X-Secret: ${'s'.repeat(2000)}\r\n${HEAD}secret`);
        reply.end();
      },
      ['--max-response-head', '1k'],
    );
    expect(answer.status).toBe(502);
    expect(answer.rawHeaders.join().concat(answer.body.toString())).not.toMatch(/secret/i);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_HEAD_TOO_LARGE' });
  });

  it('whose head never ends is cut off at the limit, without waiting for the worker', async () => {
    const { answer } = await answerOf((reply) => {
      reply.stdout(`X-Endless: ${'s'.repeat(70_000)}`);
    });
    expect(answer.status).toBe(502);
  });

  it('with an application status that is not 0 is whole all the same', async () => {
    const { answer } = await answerOf((reply) => {
      reply.stdout(`${HEAD}fine`);
      reply.end({ appStatus: 255 });
    });
    expect([answer.status, answer.body.toString(), answer.complete]).toEqual([200, 'fine', true]);
  });
});
