// Every lease is released exactly once, whatever the client and the worker do to each other, and
// whenever they do it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endRecord, type Handler, type Reply, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { rawClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, withPool } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

const HEAD = 'Content-Type: text/plain\r\n\r\n';

/** How far a client goes before it does what it does. */
const STAGES = ['head', 'half the body', 'all', 'first bytes of the answer'] as const;
const CLIENT_ACTIONS = ['waits', 'half-closes', 'leaves', 'resets', 'stops reading'] as const;
/** How far a worker goes before it does what it does. */
const WORKER_STAGES = ['nothing', 'half a head', 'head', 'part of the body'] as const;
const WORKER_ACTIONS = ['ends', 'closes', 'resets', 'hangs', 'sends garbage', 'is overloaded', 'asks for another try'] as const;

interface Script {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly client: { readonly stage: (typeof STAGES)[number]; readonly action: (typeof CLIENT_ACTIONS)[number] };
  readonly worker: { readonly stage: (typeof WORKER_STAGES)[number]; readonly action: (typeof WORKER_ACTIONS)[number] };
}

const script: fc.Arbitrary<Script> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  client: fc.record({ stage: fc.constantFrom(...STAGES), action: fc.constantFrom(...CLIENT_ACTIONS) }),
  worker: fc.record({ stage: fc.constantFrom(...WORKER_STAGES), action: fc.constantFrom(...WORKER_ACTIONS) }),
});

/** Tried in any case, with nobody leaving early: what chance draws may be few and short scripts. */
const PATIENT: readonly Script[] = WORKER_STAGES.flatMap((stage) =>
  (['ends', 'closes', 'resets', 'sends garbage'] as const).map((action): Script => {
    return { method: 'GET', client: { stage: 'all', action: 'waits' }, worker: { stage, action } };
  }),
);

const BODY = Buffer.alloc(40_000, 'b');

/** Does to the reply what the script of its request says. */
function play(scripts: readonly Script[]): Handler {
  return (reply) => {
    const number = Number((reply.request.params.get('REQUEST_URI') ?? '').slice(1));
    const { stage, action } = scripts[number]?.worker ?? { stage: 'nothing', action: 'ends' };
    if (action === 'asks for another try') {
      reply.stdout(`Status: 503 Sorry\r\n${HEAD}later`);
      reply.end();
      return;
    }
    if (stage === 'half a head') reply.stdout(HEAD.slice(0, 9));
    else if (stage === 'head') reply.stdout(HEAD);
    else if (stage === 'part of the body') reply.stdout(HEAD + 'x'.repeat(100_000));
    act(reply, action);
  };
}

function act(reply: Reply, action: Script['worker']['action']): void {
  if (action === 'ends') reply.end();
  else if (action === 'closes') reply.socket.end();
  else if (action === 'resets') reply.socket.destroy();
  else if (action === 'sends garbage') reply.raw(Buffer.concat([stdoutRecord('x'), record(99, 'y', { version: 7 })]));
  else if (action === 'is overloaded') reply.raw(endRecord(0, 2, reply.request.id));
}

/** Does what a client's script says. Resolves when the connection is over, one way or another. */
async function visit(path: string, number: number, { method, client: { stage, action } }: Script): Promise<void> {
  const { socket, received, until, write, closed } = rawClient(path);
  const length = method === 'GET' ? 0 : BODY.length;
  const head = `${method} /${number} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n${length === 0 ? '' : `Content-Length: ${length}\r\n`}\r\n`;
  try {
    write(head);
    if (length > 0 && stage !== 'head') write(BODY.subarray(0, stage === 'half the body' ? length / 2 : length));
    // Nothing may come at all: then the answer is over when the connection is.
    if (stage === 'first bytes of the answer') await until((text) => text.length > 0);
    if (action === 'half-closes') socket.end();
    else if (action === 'leaves') socket.destroy();
    else if (action === 'resets') socket.resetAndDestroy();
    else if (action === 'stops reading') socket.pause();
    else if (length > 0 && stage !== 'all' && stage !== 'first bytes of the answer') write(BODY.subarray(0, received().length));
  } catch {
    // The front end closed first, which it may.
  }
  // Whoever waits for nothing that would come leaves in the end.
  const patience = setTimeout(() => socket.destroy(), 400);
  await closed;
  clearTimeout(patience);
}

describe('a lease', () => {
  for (const [name, words] of [
    ['of workers with one slot each', ['--max-conns', '1']],
    ['of workers with several slots', ['--max-conns', '3', '--request-buffering', 'off']],
    ['of workers without a limit', ['--max-conns', 'unlimited']],
    ['on kept connections', ['--max-conns', '2', '--keepalive', '5s']],
  ] as const) {
    it(`${name} is released exactly once, whatever client and worker do at whatever stage`, async () => {
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 12 }), fc.boolean(), async (scripts, stopEarly) => {
          const options = { single: false, callAt: 'headers' } as const;
          const workers = [await fakeWorker(play(scripts), options), await fakeWorker(play(scripts), options)];
          const limits = [
            '--read-timeout',
            '60ms',
            '--send-timeout',
            '60ms',
            '--body-timeout',
            '100ms',
            '--client-send-timeout',
            '100ms',
          ];
          const proxy = await startProxy(
            ['--upstream', ...workers.map(({ path }) => path), ...words, ...limits, '--queue-timeout', '300ms'],
            (settings) => {
              const [pool] = settings.pools;
              if (pool === undefined) throw new Error('there is a pool');
              const timeouts = { ...pool.timeouts, linger: 120 };
              const retry = { ...pool.retry, statuses: new Set([503]), attempts: 2 };
              return { ...withPool({ timeouts, retry })(settings), shutdownTimeout: 80 };
            },
          );
          const visits = Promise.all(scripts.map((each, number) => visit(proxy.path, number, each)));
          // A shutdown in the middle of it all ends what runs after its own time.
          if (stopEarly) await proxy.stop();
          await visits;
          const { pool } = proxy.program;
          // The slots throw when one is given back twice; one that never is keeps this from coming
          // true.
          await eventually(() => expect([...pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0, 0]));
          expect(pool.waiting).toBe(0);
          answered += proxy.access.length;
          await proxy.stop();
          await Promise.all(workers.map((worker) => worker.close()));
          expect(proxy.log.filter(({ level }) => level === 'error')).toEqual([]);
        }),
        { numRuns: 12, examples: [[[...PATIENT], false]] },
      );
      // Otherwise nothing was tried.
      expect(answered).toBeGreaterThan(12);
    });
  }
});
