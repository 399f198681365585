// A kept connection may ask for another protocol with every request: each costs the same, and the
// service outlasts them all.

import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { memoryOf } from '../support/program/process-cost.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const MIB = 1024 ** 2;
const PLAIN = 'Host: a\r\n';
const H2C = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';

/** The program in front of a worker that answers with the path it is asked for. */
async function served() {
  const path = join(tempDir(), 'http.sock');
  const worker = await fakeWorker(answering((uri) => `<${uri}>`));
  const cli = startCli(['--upstream', worker.path, '--listen', path, '--admin', 'off', '--access-log', 'off']);
  await cli.says('listening on');
  return { cli, path };
}

/** One connection on which one request follows the other; only the answer that is due is kept. */
function keptConnection(path: string): (uri: string, fields: string) => Promise<void> {
  const socket: Socket = connect({ path });
  onTestFinished(() => void socket.destroy());
  return (uri, fields) =>
    new Promise((resolve, reject) => {
      let answer = '';
      const gone = (): void => reject(new Error(`the connection closed before the answer to ${uri}`));
      const onData = (chunk: Buffer): void => {
        answer += chunk.toString('latin1');
        if (!answer.includes(`<${uri}>`)) return;
        socket.off('data', onData);
        socket.off('close', gone);
        resolve();
      };
      socket.on('data', onData);
      socket.on('close', gone);
      socket.write(`GET ${uri} HTTP/1.1\r\n${fields}\r\n`);
    });
}

describe('a kept connection', () => {
  it('may ask for h2c 10,000 times: all are answered, and neither memory nor listeners grow', async () => {
    const { cli, path } = await served();
    const exchange = keptConnection(path);
    for (let i = 0; i < 2000; i += 1) await exchange(`/${i}`, H2C);
    const before = memoryOf(cli.pid);
    for (let i = 2000; i < 10_000; i += 1) await exchange(`/${i}`, H2C);
    expect(memoryOf(cli.pid) - before).toBeLessThan(32 * MIB);
    await exchange('/ordinary', PLAIN);
    expect(cli.stderr()).not.toContain('MaxListenersExceededWarning');
    expect((await ask(path)).status).toBe(200);
  }, 120_000);

  it('may mix requests for h2c with ordinary ones', async () => {
    const { path } = await served();
    const exchange = keptConnection(path);
    for (let i = 0; i < 100; i += 1) await exchange(`/${i}`, i % 3 === 0 ? PLAIN : H2C);
  });

  it('may ask for h2c with a method of its own, which is answered as the last one', async () => {
    const { path } = await served();
    const client = testClient(path);
    client.write(`GET /1 HTTP/1.1\r\n${PLAIN}\r\n`);
    await client.until((text) => text.includes('</1>'));
    client.write(`FROB /2 HTTP/1.1\r\n${H2C}\r\n`);
    expect((await client.closed).received).toContain('</2>');
  });
});
