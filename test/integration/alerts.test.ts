// The program tells of what breaks: a real one, with workers that die and come back, and a webhook
// that listens.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually, settled } from '../support/eventually.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { alertReceiver } from '../support/servers/alert-receiver.ts';
import { answer, answering, type FakeWorker, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const PROBE = 'health: { probe: values, interval: 20ms, timeout: 5s, rise: 1, fall: 1, wake: true }';

/** The part of the file that says who is told. */
function alertsTo(url: string, more = 'after: 200ms, group: 300ms'): string {
  return `alerts: { name: web1, ${more}, targets: { ops: { to: webhook, url: '${url}' } } }\n`;
}

async function workers(...names: readonly string[]): Promise<readonly FakeWorker[]> {
  const directory = tempDir();
  return Promise.all(names.map((name) => fakeWorker(answering(name), { path: join(directory, name) })));
}

function pool(of: readonly FakeWorker[], more = PROBE): Readonly<Record<string, string>> {
  return { rt: `{ upstreams: [${of.map(({ path }) => path).join(', ')}], ${more} }` };
}

/** Nothing more comes, and all that came is what is expected. */
async function told(receiver: Awaited<ReturnType<typeof alertReceiver>>, story: readonly (readonly string[])[]): Promise<void> {
  await receiver.until(story.length);
  await settled(() => receiver.documents.length);
  expect(receiver.story()).toEqual(story);
}

describe('a worker', () => {
  it('that dies is one message, and one more when it is back', async () => {
    const receiver = await alertReceiver();
    const [sick, well] = await workers('sick', 'well');
    if (sick === undefined || well === undefined) throw new Error('two workers');
    await reloadable(poolsFile(pool([sick, well]), alertsTo(receiver.url)));
    await sick.close();
    await told(receiver, [[`upstream bad down rt ${sick.path}`]]);
    expect(receiver.documents[0]).toMatchObject({ format: 1, from: 'web1', is: 'bad', open: 1, dropped: 0 });
    expect(receiver.documents[0]?.text).toContain(`web1: upstream ${sick.path} of pool rt is down since `);
    await fakeWorker(answering('sick'), { path: sick.path });
    await told(receiver, [[`upstream bad down rt ${sick.path}`], [`upstream good up rt ${sick.path}`]]);
    expect(receiver.documents[1]).toMatchObject({ is: 'good', open: 0 });
  });

  it('that dies with all the others is one message with them, and that nobody is served is in it', async () => {
    const receiver = await alertReceiver();
    const all = await workers('a', 'b', 'c');
    // Longer than it takes to look at the pools once more.
    await reloadable(poolsFile(pool(all), alertsTo(receiver.url, 'after: 200ms, group: 5s')));
    await Promise.all(all.map((worker) => worker.close()));
    await receiver.until(1);
    expect(receiver.story()[0]?.toSorted()).toEqual([
      'pool bad empty rt',
      ...all.map(({ path }) => `upstream bad down rt ${path}`),
    ]);
    expect(receiver.documents[0]?.text).toMatch(/^web1: 3 upstreams of pool rt are down; pool rt serves nobody\n/);
  });

  it('that was down before somebody was to be told is told, too', async () => {
    const receiver = await alertReceiver();
    const [sick, well] = await workers('sick', 'well');
    if (sick === undefined || well === undefined) throw new Error('two workers');
    const { reload, upstreamStatus } = await reloadable(poolsFile(pool([sick, well])));
    await sick.close();
    await eventually(() => expect(upstreamStatus(sick.path).state.is).toBe('down'));
    await reload(poolsFile(pool([sick, well]), alertsTo(receiver.url)));
    await told(receiver, [[`upstream bad down rt ${sick.path}`]]);
  });
});

describe('a pool', () => {
  it('whose queue is long is a message, and one when it is short again', async () => {
    const receiver = await alertReceiver();
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const rules = 'after: 100ms, group: 0, queue: { over: 3 }';
    const { proxy } = await reloadable(poolsFile(pool([worker], 'max_conns: 1'), alertsTo(receiver.url, rules)));
    const requests = Array.from({ length: 6 }, () => ask(proxy.path));
    await told(receiver, [['queue bad long rt']]);
    expect(receiver.documents[0]?.alerts[0]?.reason).toMatch(/^[45] requests wait; the limit is 3$/);
    for (const _ of requests) answer(await next(), 'done');
    await Promise.all(requests);
    await told(receiver, [['queue bad long rt'], ['queue good short rt']]);
  });

  it('whose requests fail is a message, and one when they succeed again', async () => {
    const receiver = await alertReceiver();
    let status = 500;
    const worker = await fakeWorker((reply) => {
      reply.stdout(`Status: ${status}\r\nContent-Type: text/plain\r\n\r\n`);
      reply.end();
    });
    const rules = 'after: 100ms, group: 0, errors: { share: 30%, window: 2s, min_requests: 5 }';
    const { proxy } = await reloadable(poolsFile(pool([worker], 'max_conns: 1, passive: off'), alertsTo(receiver.url, rules)));
    const until = async (count: number): Promise<void> =>
      eventually(async () => {
        await ask(proxy.path);
        expect(receiver.documents.length).toBe(count);
      });
    await until(1);
    expect(receiver.documents[0]?.alerts[0]?.reason).toMatch(/^100% of \d+ requests in 2 s ended with a 5xx; the limit is 30%$/);
    status = 200;
    await until(2);
    expect(receiver.story()).toEqual([['errors bad many rt'], ['errors good few rt']]);
  });
});

describe('a reload', () => {
  it('that failed is a message, and one when another succeeded', async () => {
    const receiver = await alertReceiver();
    const [worker] = await workers('a');
    if (worker === undefined) throw new Error('a worker');
    const file = poolsFile(pool([worker]), alertsTo(receiver.url, 'group: 0'));
    const { tryReload, reload } = await reloadable(file);
    await tryReload(file.replace('rt:', 'rt: { upstreams: [hunter2] }\n  x:'));
    await tryReload(`${file}nonsense: 1\n`);
    await told(receiver, [['reload bad failed']]);
    await reload(file);
    await reload(file);
    await told(receiver, [['reload bad failed'], ['reload good done']]);
    expect(receiver.documents[0]?.text).toMatch(/the log says what is wrong at \/\S*f\.yaml:2:\d+/);
    expect(JSON.stringify(receiver.documents)).not.toContain('hunter2');
  });

  it('that changes who is told keeps what is open, and what waits for a target that stays', async () => {
    let answers = false;
    const receiver = await alertReceiver((response) => void response.writeHead(answers ? 200 : 503).end());
    const second = await alertReceiver();
    const [sick, well] = await workers('sick', 'well');
    if (sick === undefined || well === undefined) throw new Error('two workers');
    const { reload } = await reloadable(poolsFile(pool([sick, well]), alertsTo(receiver.url)));
    await sick.close();
    await receiver.until(1);
    await reload(poolsFile(pool([sick, well]), alertsTo(second.url)));
    answers = true;
    await told(second, [[`upstream bad down rt ${sick.path}`]]);
    await fakeWorker(answering('sick'), { path: sick.path });
    await told(second, [[`upstream bad down rt ${sick.path}`], [`upstream good up rt ${sick.path}`]]);
    expect(receiver.documents).toHaveLength(1);
  });
});

describe('a webhook', () => {
  it('that fails is asked again until it has the message, which is the same each time', async () => {
    const receiver = await alertReceiver((response, count) => void response.writeHead(count < 2 ? 503 : 200).end());
    const [sick, well] = await workers('sick', 'well');
    if (sick === undefined || well === undefined) throw new Error('two workers');
    const { proxy } = await reloadable(poolsFile(pool([sick, well]), alertsTo(receiver.url)));
    await sick.close();
    await receiver.until(2);
    expect(receiver.documents[1]?.id).toBe(receiver.documents[0]?.id);
    await proxy.logLine(({ message }) => message === 'alert delivered');
  });

  it('that never answers holds up no request, and what waits for it is bounded', async () => {
    const receiver = await alertReceiver(() => undefined);
    const [worker] = await workers('a');
    if (worker === undefined) throw new Error('a worker');
    const { proxy } = await reloadable(poolsFile(pool([worker]), alertsTo(receiver.url, 'group: 0')));
    const { events } = proxy.program;
    for (let count = 0; count < 300; count += 1) {
      const is = count % 2 === 0 ? 'bad' : 'good';
      events.record({ kind: 'reload', at: new Date(0), is, by: 'a test', generation: 1, problems: [] });
      expect((await ask(proxy.path)).status).toBe(200);
    }
    const givenUp = () => proxy.log.filter(({ message }) => message === 'an alert was given up');
    const before = await settled(() => givenUp().length);
    expect(givenUp()[0]?.fields).toMatchObject({ target: 'ops', reason: 'more than 100 messages wait' });
    expect(receiver.documents).toHaveLength(1);
    // It does not hold up the end either; the leak check sees that nothing is left.
    await proxy.stop();
    expect(givenUp().length - before).toBe(100);
  });

  it('gets what is not told yet when the program stops', async () => {
    const receiver = await alertReceiver();
    const [worker] = await workers('a');
    if (worker === undefined) throw new Error('a worker');
    const { proxy } = await reloadable(poolsFile(pool([worker]), alertsTo(receiver.url, 'group: 1h')));
    proxy.program.events.record({ kind: 'reload', at: new Date(0), is: 'bad', by: 'a test', generation: 1, problems: [] });
    await proxy.stop();
    expect(receiver.story()).toEqual([['reload bad failed']]);
  });
});

it('Telegram and a command are told as well, each of what it wants to hear', async () => {
  const token = '123456:a-token-that-nobody-may-see';
  const directory = tempDir();
  writeFileSync(join(directory, 'token'), `${token}\n`, { mode: 0o600 });
  const api = await alertReceiver((response, _count, request) => {
    response.writeHead(request.url === `/hook/bot${token}/sendMessage` ? 200 : 404).end('{"ok":true}');
  });
  const [worker] = await workers('a');
  if (worker === undefined) throw new Error('a worker');
  const file = join(directory, 'said');
  const { proxy } = await reloadable(
    poolsFile(
      pool([worker]),
      `alerts:
  after: 100ms
  group: 0
  targets:
    phone: { to: telegram, token_file: ${join(directory, 'token')}, chat: -1, api: '${api.url}', only: [pool] }
    script: { to: command, command: [sh, -c, 'echo "$FCGI_LB_ALERT_KINDS" >> ${file}; echo written'], only: [upstream] }
`,
    ),
  );
  await worker.close();
  await proxy.logLine(({ message, fields }) => message === 'alert delivered' && fields['target'] === 'phone');
  const line = await proxy.logLine(({ message, fields }) => message === 'alert delivered' && fields['target'] === 'script');
  expect(line.fields['answer']).toBe('exit code 0: written');
  expect(api.documents).toMatchObject([{ chat_id: '-1', text: expect.stringContaining('pool rt serves nobody') }]);
  expect(JSON.stringify(proxy.log)).not.toContain(token);
});
