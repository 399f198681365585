// HTTPS upstreams: a certificate is always verified, and a private authority is made known as for
// every Node.js program.

import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { type Certificate, selfSigned } from '../peers/certificate.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { agreement, clientFrame, echoFrames, handshake, serverFrame } from '../support/clients/web-socket.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { bodyOf } from '../support/servers/http-server.ts';
import { tempDir } from '../support/temp-dir.ts';

interface SecureUpstream {
  readonly port: number;
  readonly seen: readonly IncomingMessage[];
}

async function secureUpstream({ key, cert }: Certificate): Promise<SecureUpstream> {
  const seen: IncomingMessage[] = [];
  const server = createServer({ key, cert }, async (request, response) => {
    seen.push(request);
    response.end(`${request.method} ${String(await bodyOf(request))}`);
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => undefined);
    socket.write(agreement(request));
    echoFrames(socket);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, seen };
}

/** The program with that certificate among its authorities, listening on `path`. */
async function trusting(certificate: Certificate, address: string): Promise<{ readonly path: string; readonly cli: CliProcess }> {
  buildIfMissing();
  const path = join(tempDir(), 'http.sock');
  const words = ['--upstream', address, '--listen', path, '--admin', 'off', '--log-format', 'json', '--queue-timeout', '200ms'];
  const cli = startCli(words, { NODE_EXTRA_CA_CERTS: certificate.path });
  await cli.says('listening on');
  return { path, cli };
}

const itSecure = itWith('openssl');

describe('an HTTPS upstream', () => {
  itSecure('is spoken to when its certificate can be verified', async () => {
    const certificate = selfSigned('IP:127.0.0.1');
    const upstream = await secureUpstream(certificate);
    const { path } = await trusting(certificate, `https://127.0.0.1:${upstream.port}`);
    expect((await ask(path, { method: 'POST', body: 'hello' })).body.toString()).toBe('POST hello');
    expect((await ask(path)).body.toString()).toBe('GET ');
    expect(upstream.seen).toHaveLength(2);
  });

  itSecure('carries a WebSocket too', async () => {
    const certificate = selfSigned('IP:127.0.0.1');
    const upstream = await secureUpstream(certificate);
    const { path } = await trusting(certificate, `https://127.0.0.1:${upstream.port}`);
    const client = testClient(path);
    client.write(handshake());
    await client.until((text) => text.includes('\r\n\r\n'));
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
  });

  itSecure('gets no request while its certificate is signed by nobody we know', async () => {
    const upstream = await secureUpstream(selfSigned('IP:127.0.0.1'));
    const address = `https://127.0.0.1:${upstream.port}`;
    const proxy = await startProxy(['--upstream', address, '--queue-timeout', '200ms']);
    expect((await ask(proxy.path, { method: 'POST', body: 'secret' })).status).toBe(503);
    const warning = await proxy.logLine(({ level }) => level === 'warn');
    expect(warning).toMatchObject({ fields: { code: 'FCGI_LB_CONNECT_FAILED', upstream: address } });
    expect(warning.message).toContain('self-signed certificate');
    expect(upstream.seen).toHaveLength(0);
  });

  itSecure('gets no request while its certificate is for another name', async () => {
    const certificate = selfSigned('IP:127.0.0.2,DNS:app.example');
    const upstream = await secureUpstream(certificate);
    const { path, cli } = await trusting(certificate, `https://127.0.0.1:${upstream.port}`);
    expect((await ask(path)).status).toBe(503);
    await cli.says("does not match certificate's altnames");
    expect(upstream.seen).toHaveLength(0);
  });
});
