// Those who are told, one attempt at a time: real HTTP servers in the place of webhooks and of
// Telegram, and real commands.

import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { post } from '../../src/alerts/http-post.ts';
import type { AlertTarget } from '../../src/config/alerts.ts';
import { systemClock } from '../../src/core/clock.ts';
import { selfSigned } from '../peers/certificate.ts';
import { command, deliver, MESSAGE, TOKEN, telegram, webhook } from '../support/admin/alert-senders.ts';
import { eventually } from '../support/eventually.ts';
import { itWith } from '../support/program/programs.ts';
import { freePort } from '../support/servers/free-port.ts';
import { bodyOf, httpUpstream } from '../support/servers/http-server.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Received {
  readonly request: IncomingMessage;
  readonly body: unknown;
}

/** A server that keeps what it is sent and answers with a status and a text. */
async function receiving(status: number, text = '', headers: Readonly<Record<string, string>> = {}) {
  const received: Received[] = [];
  const { address, open } = await httpUpstream(async (request, response) => {
    received.push({ request, body: JSON.parse((await bodyOf(request)).toString()) });
    response.writeHead(status, headers).end(text);
  });
  return { url: `${address}/hooks/secret-path?key=secret-key`, address, received, open };
}

async function serverAt(listener: RequestListener): Promise<string> {
  return (await httpUpstream(listener)).address;
}

describe('every target', () => {
  const never: RequestListener = () => undefined;
  const kinds: readonly (readonly [string, (timeout: number) => Promise<AlertTarget>])[] = [
    ['webhook', async (timeout) => webhook(await serverAt(never), undefined, timeout)],
    ['telegram', async (timeout) => telegram(await serverAt(never), timeout)],
    ['command', async (timeout) => command(['sleep', '1000'], timeout)],
  ];

  it.each(kinds)('gives up in time: %s', async (_kind, target) => {
    expect(await deliver(await target(50))).toMatchObject({ kind: 'retry', reason: expect.stringContaining('50 ms') });
  });

  it.each(kinds)('gives up when it is told to, before it begins and later: %s', async (_kind, target) => {
    const settings = await target(60_000);
    const abort = new AbortController();
    const outcome = deliver(settings, { signal: abort.signal });
    abort.abort();
    expect(await outcome).toMatchObject({ kind: 'retry', reason: expect.stringContaining('given up') });
    expect(await deliver(settings, { signal: abort.signal })).toMatchObject({ reason: expect.stringContaining('given up') });
  });
});

describe('a webhook', () => {
  it('gets the document, with who sends it and what it is to be let in by', async () => {
    const { url, received, open } = await receiving(204);
    const outcome = await deliver(webhook(url, 'Bearer hunter2'), { dropped: 2 });
    expect(outcome).toEqual({ kind: 'delivered', answer: 'answered 204' });
    expect(received).toMatchObject([
      {
        request: {
          method: 'POST',
          url: '/hooks/secret-path?key=secret-key',
          headers: {
            authorization: 'Bearer hunter2',
            'content-type': 'application/json',
            'user-agent': 'fcgi-lb/test',
            'idempotency-key': 'an-id',
            connection: 'close',
          },
        },
        body: { format: 1, id: 'an-id', from: 'web1', is: 'bad', dropped: 2, alerts: [{ upstream: '/run/rt1.sock' }] },
      },
    ]);
    await eventually(() => expect(open()).toBe(0));
  });

  it.each([408, 425, 429, 500, 502, 503])('that answers %i is asked again', async (status) => {
    const { url } = await receiving(status, 'not now');
    expect(await deliver(webhook(url))).toEqual({ kind: 'retry', reason: `answered ${status}: not now`, wait: undefined });
  });

  it('says itself when to come back', async () => {
    const { url } = await receiving(503, '', { 'Retry-After': '7' });
    expect(await deliver(webhook(url))).toMatchObject({ kind: 'retry', wait: 7000 });
    const date = await receiving(503, '', { 'Retry-After': new Date(Date.now() + 100_000).toUTCString() });
    const outcome = await deliver(webhook(date.url));
    expect(outcome).toMatchObject({ kind: 'retry', wait: expect.any(Number) });
    expect(outcome.kind === 'retry' && (outcome.wait ?? 0) > 10_000).toBe(true);
  });

  it.each([400, 401, 404, 410])('that answers %i does not want the message', async (status) => {
    const { url } = await receiving(status, 'no');
    expect(await deliver(webhook(url))).toEqual({ kind: 'refused', reason: `answered ${status}: no` });
  });

  it.each([301, 302, 307, 308])('cannot send us elsewhere with a %i', async (status) => {
    const elsewhere = await receiving(200);
    const { url } = await receiving(status, '', { Location: elsewhere.url });
    expect(await deliver(webhook(url, 'Bearer hunter2'))).toEqual({
      kind: 'refused',
      reason: `answered ${status}: redirects are not followed`,
    });
    expect(elsewhere.received).toEqual([]);
  });

  it('where nothing listens is tried again', async () => {
    const port = await freePort();
    expect(await deliver(webhook(`http://127.0.0.1:${port}/secret-path`))).toEqual({
      kind: 'retry',
      reason: `127.0.0.1:${port}: ECONNREFUSED`,
    });
  });

  it.each([
    ['does not answer', () => undefined],
    ['never finishes its answer', (_request, response) => void response.writeHead(200).write('a')],
  ] satisfies [string, RequestListener][])('that %s is given up in time', async (_what, listener) => {
    const address = await serverAt(listener);
    expect(await deliver(webhook(address, undefined, 50))).toEqual({
      kind: 'retry',
      reason: `${new URL(address).host}: no whole answer within 50 ms`,
    });
  });

  it('that answers without end is read no further than it makes sense', async () => {
    const address = await serverAt((_request, response) => {
      response.writeHead(500);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    });
    expect(await deliver(webhook(address))).toEqual({
      kind: 'retry',
      reason: `answered 500: ${'x'.repeat(4096)}`,
      wait: undefined,
    });
  });

  it('that breaks its answer off has said its status', async () => {
    const address = await serverAt((_request, response) => {
      response.writeHead(200, { 'Content-Length': '10' });
      response.write('a', () => response.destroy());
    });
    expect(await deliver(webhook(address))).toMatchObject({ kind: 'delivered' });
  });

  it('is not waited for by somebody who gives up', async () => {
    const abort = new AbortController();
    const address = await serverAt(() => abort.abort());
    expect(await deliver(webhook(address), { signal: abort.signal })).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('given up'),
    });
    expect(await deliver(webhook(address), { signal: abort.signal })).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('given up'),
    });
  });

  itWith('openssl')('with a certificate that cannot be verified is not spoken to, whatever the environment says', async () => {
    const { key, cert } = selfSigned('IP:127.0.0.1');
    let asked = 0;
    const server = createSecureServer({ key, cert }, (_request, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const bound = server.address();
    const url = `https://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}/`;
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    });
    expect(await deliver(webhook(url))).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
    expect(asked).toBe(0);
  });
});

describe('Telegram', () => {
  it('is asked to say the text in the chat', async () => {
    const { address, received } = await receiving(200, '{"ok":true,"result":{}}');
    expect(await deliver(telegram(`${address}/api`), { dropped: 1 })).toEqual({ kind: 'delivered', answer: 'sent' });
    expect(received).toMatchObject([
      {
        request: { method: 'POST', url: `/api/bot${TOKEN}/sendMessage` },
        body: {
          chat_id: '-1001',
          text: 'web1: upstream /run/rt1.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection\n(1 earlier messages could not be sent)',
        },
      },
    ]);
    expect(received[0]?.body).not.toHaveProperty('parse_mode');
  });

  it('says itself when to come back', async () => {
    const { address } = await receiving(429, '{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":11}}');
    expect(await deliver(telegram(address))).toEqual({
      kind: 'retry',
      reason: 'answered 429: Too Many Requests',
      wait: 11_000,
    });
  });

  it.each([
    [401, '{"ok":false,"description":"Unauthorized"}', { kind: 'refused', reason: 'answered 401: Unauthorized' }],
    [400, '{"ok":false,"description":"chat not found"}', { kind: 'refused', reason: 'answered 400: chat not found' }],
    [502, '<html>', { kind: 'retry', reason: 'answered 502: not the answer of a bot API' }],
    [200, '<html>', { kind: 'retry', reason: 'answered 200: not the answer of a bot API' }],
    [200, 'null', { kind: 'retry', reason: 'answered 200: not the answer of a bot API' }],
    [200, '{"ok":"true"}', { kind: 'retry', reason: 'answered 200' }],
  ])('that answers %i %s: %j', async (status, text, outcome) => {
    const { address } = await receiving(status, text);
    expect(await deliver(telegram(address))).toMatchObject(outcome);
  });
});

describe('a command', () => {
  const shell = (script: string, timeout?: number): AlertTarget => command(['/bin/sh', '-c', script], timeout);

  it('finds the document on its standard input and the rest in its environment, and its words untouched', async () => {
    const directory = tempDir();
    const script = 'cat > "$1/in"; env | grep ^FCGI_LB_ALERT_ > "$1/env"; printf "%s" "$2" > "$1/word"; echo done';
    const word = '$(touch /tmp/x); `id` "quoted"';
    expect(await deliver(command(['/bin/sh', '-c', script, 'sh', directory, word]), { dropped: 3 })).toEqual({
      kind: 'delivered',
      answer: 'exit code 0: done',
    });
    const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
    expect(JSON.parse(read('in'))).toMatchObject({ format: 1, id: 'an-id', dropped: 3, alerts: [{ pool: 'rt' }] });
    expect(read('word')).toBe(word);
    expect(read('env').split('\n').sort()).toEqual([
      '',
      'FCGI_LB_ALERT_FROM=web1',
      'FCGI_LB_ALERT_ID=an-id',
      'FCGI_LB_ALERT_IS=bad',
      'FCGI_LB_ALERT_KINDS=upstream',
      'FCGI_LB_ALERT_POOLS=rt',
      expect.stringMatching(/^FCGI_LB_ALERT_TEXT=web1: upstream/),
      'FCGI_LB_ALERT_UPSTREAMS=/run/rt1.sock',
    ]);
  });

  it.each([
    ['exit 3', 'exit code 3'],
    ['echo what; echo why >&2; exit 1', expect.stringMatching(/^exit code 1: (what\nwhy|why\nwhat)$/)],
    ['kill -TERM $$', 'ended by SIGTERM'],
  ])('that fails may do better later: %s', async (script, reason) => {
    expect(await deliver(shell(script))).toMatchObject({ kind: 'retry', reason });
  });

  it('that is not there may be later', async () => {
    expect(await deliver(command(['/no/such/program', 'hunter2']))).toEqual({
      kind: 'retry',
      reason: 'cannot run /no/such/program: ENOENT',
    });
  });

  it('that takes too long is killed, and what it started with it', async () => {
    const file = join(tempDir(), 'pid');
    const outcome = await deliver(shell(`sh -c 'echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 1000' & wait`, 300));
    expect(outcome).toMatchObject({ kind: 'retry', reason: 'killed after 300 ms' });
    if (existsSync(file)) {
      const pid = Number(readFileSync(file, 'utf8'));
      await eventually(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'));
    }
  });

  it('may write as much as it likes, and close its input', async () => {
    const outcome = await deliver(shell('exec <&-; yes | head -c 3000000; exit 1'));
    expect(outcome).toMatchObject({ kind: 'retry' });
    expect(outcome.kind === 'retry' && outcome.reason.length < 1100).toBe(true);
  });

  it('is not waited for by somebody who gives up', async () => {
    const abort = new AbortController();
    const outcome = deliver(shell('sleep 1000'), { signal: abort.signal });
    abort.abort();
    expect(await outcome).toMatchObject({ kind: 'retry', reason: 'given up' });
  });

  it('gets what fits of a very long message', async () => {
    const [alert] = MESSAGE.alerts ?? [];
    if (alert === undefined) throw new Error('an alert');
    const alerts = Array.from({ length: 10_000 }, (_, index) => ({
      ...alert,
      upstream: `/run/${index}`,
      reason: 'x'.repeat(300),
    }));
    const outcome = await deliver(shell('cat | wc -l'), { message: { ...MESSAGE, alerts } });
    expect(outcome).toMatchObject({ kind: 'delivered' });
  });
});

it('a POST to an URL that cannot be asked for fails in words, without its path', async () => {
  const url = new URL('http://127.0.0.1:1/secret-path');
  const answer = await post(
    { url, headers: { 'Bad Name': 'x' }, body: '', timeout: 1000 },
    systemClock,
    new AbortController().signal,
  );
  expect(answer).toMatchObject({ kind: 'failed' });
  expect(JSON.stringify(answer)).not.toContain('secret-path');
});
