// The contract of the probe port, run against every probe there is, over real sockets and with real
// programs.

import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProbe, PROBES } from '../../src/app/registry.ts';
import type { ProbeQuestion } from '../../src/config/health.ts';
import type { ProbeAnswer } from '../../src/health/probe.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { requestQuestion, upstreamAt } from '../support/parts/probed.ts';
import { answering, fakeWorker, rawWorker } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Asks the worker at the last word for its values, as an operator's command might. */
const COMMAND = `
  const socket = require('node:net').connect(process.argv.at(-1));
  socket.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(1));
  socket.on('data', (bytes) => process.exit(bytes[0] === 1 ? 0 : 1));
  socket.write(Buffer.from([1, 9, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
`;

const QUESTIONS: Readonly<Record<keyof typeof PROBES, ProbeQuestion>> = {
  connect: { kind: 'connect' },
  values: { kind: 'values' },
  request: requestQuestion(),
  exec: { kind: 'exec', command: [process.execPath, '-e', COMMAND] },
};

interface Asked {
  readonly upstream: Upstream;
  readonly answers: readonly ProbeAnswer[];
  readonly giveUp: () => void;
  /** The first answer; the slot is free by the time it is given. */
  readonly answer: Promise<ProbeAnswer>;
}

describe.each(Object.keys(PROBES) as (keyof typeof PROBES)[])('the probe %s', (kind) => {
  /**
   * What it says of a socket that accepts and gives no good answer: `connect` cannot tell
   * (DESIGN.md fact 1).
   */
  const noAnswer = kind === 'connect' ? 'good' : 'bad';

  function ask(path: string): Asked {
    const clock = new FakeClock();
    const upstream = upstreamAt(path, {}, clock);
    const loan = upstream.leaseForProbe();
    if (loan === undefined) throw new Error('no slot');
    expect(upstream.leaseForProbe(), 'there is one slot').toBeUndefined();
    const answers: ProbeAnswer[] = [];
    let heard: (answer: ProbeAnswer) => void;
    const answer = new Promise<ProbeAnswer>((resolve) => {
      heard = resolve;
    });
    const probe = createProbe(QUESTIONS[kind], { upstream: path, clock });
    const giveUp = probe.ask(loan, (answer) => {
      answers.push(answer);
      expect(upstream.inFlight, 'slots in use when the answer is given').toBe(0);
      heard(answer);
    });
    return { upstream, answers, giveUp, answer };
  }

  /** Waits for the slot to come back, and then for anything that might still be said. */
  async function settled({ upstream }: Asked): Promise<void> {
    await eventually(() => expect(upstream.inFlight).toBe(0));
    await eventually(async () => {
      // A whole exchange with another worker: what was on its way has arrived.
      const other = ask((await fakeWorker(answering('fine'))).path);
      await other.answer;
    });
  }

  it('finds a worker that answers good, once, and leaves it free for the next', async () => {
    const worker = await fakeWorker(answering('pong'));
    for (let round = 0; round < 3; round += 1) {
      const asked = ask(worker.path);
      expect(await asked.answer).toEqual({ kind: 'good' });
      await settled(asked);
      expect(asked.answers).toHaveLength(1);
    }
  });

  it('finds a socket on which nobody listens bad', async () => {
    const path = join(tempDir(), 'dead.sock');
    await deadSocket(path);
    const asked = ask(path);
    expect(await asked.answer).toMatchObject({ kind: 'bad' });
    await settled(asked);
    expect(asked.answers).toHaveLength(1);
  });

  it('finds a socket that does not exist bad', async () => {
    const asked = ask(join(tempDir(), 'missing.sock'));
    expect(await asked.answer).toMatchObject({ kind: 'bad' });
    expect(asked.answers).toHaveLength(1);
  });

  it('finds a worker that speaks something else bad, if it looks at answers', async () => {
    const worker = await rawWorker((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      socket.resume();
    });
    const asked = ask(worker.address);
    expect(await asked.answer).toMatchObject({ kind: noAnswer });
    await settled(asked);
    expect(asked.answers).toHaveLength(1);
  });

  it('finds a worker that closes without an answer bad, if it looks at answers', async () => {
    const worker = await rawWorker((socket) => {
      socket.once('data', () => socket.end());
      socket.resume();
    });
    const asked = ask(worker.address);
    expect(await asked.answer).toMatchObject({ kind: noAnswer });
    await settled(asked);
    expect(asked.answers).toHaveLength(1);
  });

  it('given up while the worker hangs it says nothing, lets go of the worker, and the slot is free when the worker does too', async () => {
    const sockets: Socket[] = [];
    const worker = await rawWorker((socket) => {
      sockets.push(socket);
      socket.resume();
    });
    const asked = ask(worker.address);
    await eventually(() => expect(sockets).toHaveLength(1));
    if (kind === 'connect') await asked.answer;
    const said = asked.answers.map((answer) => answer.kind);
    expect(said).toEqual(kind === 'connect' ? ['good'] : []);
    if (said.length === 0) asked.giveUp();
    await eventually(() => expect(sockets.every((socket) => socket.readableEnded || socket.destroyed)).toBe(true));
    for (const socket of sockets) socket.end();
    await settled(asked);
    expect(asked.answers).toHaveLength(said.length);
  });

  it('given up at once it says nothing, and the slot is free', async () => {
    const worker = await fakeWorker(answering('pong'));
    const asked = ask(worker.path);
    asked.giveUp();
    await settled(asked);
    expect(asked.answers).toEqual([]);
  });

  it('given up at any moment it says nothing more, and the slot is free', async () => {
    const worker = await fakeWorker(answering('pong'));
    for (let turns = 1; turns <= 12; turns += 1) {
      const asked = ask(worker.path);
      for (let turn = 0; turn < turns && asked.answers.length === 0; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const said = asked.answers.length;
      if (said === 0) asked.giveUp();
      await eventually(() => expect(asked.upstream.inFlight).toBe(0));
      expect(asked.answers).toHaveLength(said);
    }
  });
});
