// A disk that is full in the middle of a body: it costs that request, and nothing else. The program
// may write files of 1 MiB only.

import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const MIB = 1024 ** 2;
const WORDS = ['--admin', 'off', '--log-format', 'json', '--max-conns', '1'];

beforeAll(buildIfMissing);

/** Its `ulimit -f` counts in KiB. */
const it = itWith('bash');

/** As where the disk is full, a write fails when some of the bytes are on it already. */
async function running(handler: Handler): Promise<{ readonly cli: CliProcess; readonly path: string }> {
  const worker = await fakeWorker(handler);
  const directory = tempDir();
  const path = join(directory, 'http.sock');
  const words = ['--upstream', worker.path, '--listen', `unix:${path}`, '--temp-dir', directory, '--access-log', 'off', ...WORDS];
  const program = ['bash', '-c', 'ulimit -f 1024 && exec "$@"', 'limited'];
  const cli = startCli(words, {}, { program });
  await cli.says('listening on');
  return { cli, path };
}

describe('when the disk is full', () => {
  it('a body that does not fit gets 500, and one that does passes', async () => {
    const { cli, path } = await running((reply) => answer(reply, `${reply.request.body.length} bytes`));
    const failed = await ask(path, { method: 'POST', body: Buffer.alloc(3 * MIB, 'b') });
    expect([failed.status, failed.body.toString()]).toEqual([500, '500 Internal Server Error\n']);
    await cli.says('FCGI_LB_BUFFER_FAILED');
    const passed = await ask(path, { method: 'POST', body: Buffer.alloc(MIB / 2, 'b') });
    expect(passed.body.toString()).toBe(`${MIB / 2} bytes`);
  });

  it('an answer that cannot be kept for its slow client breaks off visibly, its worker is freed, and the next one passes', async () => {
    const { cli, path } = await running((reply) => {
      if (reply.request.params.get('REQUEST_URI') !== '/large') {
        answer(reply, 'small');
        return;
      }
      reply.stdout('Content-Type: text/plain\r\n\r\n');
      for (let i = 0; i < 96; i += 1) reply.stdout(Buffer.alloc(65_528, 'b'));
      reply.end();
    });
    const client = testClient(path);
    client.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((received) => received.includes('200 OK'));
    client.socket.pause();
    await eventually(() => expect(cli.stderr()).toContain('FCGI_LB_BUFFER_FAILED'));
    client.socket.resume();
    expect((await client.closed).received).not.toContain('\r\n0\r\n');
    expect((await ask(path)).body.toString()).toBe('small');
  });
});
