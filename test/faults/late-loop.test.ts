// A real event loop that is blocked for longer than a probe's timeout: the worker answered, and is
// not judged for our being away.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createProbe } from '../../src/app/registry.ts';
import type { ProbeQuestion } from '../../src/config/health.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { Prober } from '../../src/health/prober.ts';
import { launch } from '../peers/launch.ts';
import { upstreamAt } from '../support/parts/probed.ts';
import { tempDir } from '../support/temp-dir.ts';

/**
 * A process of its own, since this one will be standing still: it answers both questions after 30
 * ms.
 */
const WORKER = `
  const values = Buffer.from([1, 10, 0, 0, 0, 0, 0, 0]);
  const head = Buffer.from('Status: 200\\r\\n\\r\\n');
  const page = Buffer.concat([Buffer.from([1, 6, 0, 1, 0, head.length, 0, 0]), head, Buffer.from([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]);
  require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => setTimeout(() => socket.end(bytes[1] === 9 ? values : page), 30));
  }).listen(process.argv[2]);
`;

const QUESTIONS: readonly ProbeQuestion[] = [
  { kind: 'values' },
  {
    kind: 'request',
    method: 'GET',
    uri: '/',
    params: new Map(),
    expect: { statuses: [[200, 200]], headers: new Map(), body: undefined },
  },
];

it.each(QUESTIONS)(
  'the probe $kind is answered, not given up, when the loop was blocked while it was on its way',
  async (question) => {
    const dir = tempDir();
    const socket = join(dir, 'w.sock');
    writeFileSync(join(dir, 'worker.cjs'), WORKER);
    await launch(process.execPath, [join(dir, 'worker.cjs'), socket], { socket });
    const upstream = upstreamAt(socket, {}, systemClock);
    const probe = createProbe(question, { upstream: socket, clock: systemClock });
    const story: string[] = [];
    const over = new Promise<void>((resolve) => {
      const target = { name: socket, inFlight: 0, used: true, well: false, leaseForProbe: () => upstream.leaseForProbe() };
      const settings = { question, interval: 60_000, timeout: 1000, rise: 1, fall: 1, when: 'always', wake: true } as const;
      const watched: typeof probe = {
        ask: (loan, done) => {
          const giveUp = probe.ask(loan, (answer) => {
            story.push(answer.kind);
            done(answer);
          });
          // The whole timeout and more passes before the loop comes to the socket.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
          return () => {
            story.push('given up');
            giveUp();
          };
        },
      };
      const parts = { clock: systemClock, random: () => 0, log: silentLog };
      const prober = new Prober(target, watched, settings, parts, (verdict, reason) => {
        story.push(`${verdict}: ${reason}`);
        resolve();
      });
      onTestFinished(() => prober.stop());
      prober.start();
    });
    await over;
    expect(story).toEqual(['good', 'up: the probe was answered well']);
  },
);
