// Plays a schedule of requests against a front end, in a process of its own so that it disturbs no
// other measurement.

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.ts';

export interface Shot {
  /** ms from the start at which the request is to be sent. */
  readonly at: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Bytes of request body. */
  readonly body: number;
}

export interface Schedule {
  /** Unix socket of the front end. */
  readonly socketPath: string;
  /** Sent before the start, four at a time; their answers do not count. */
  readonly warmup: readonly Shot[];
  readonly shots: readonly Shot[];
}

export interface Hit {
  /** 0: no answer, or one that broke off. */
  readonly status: number;
  /**
   * ms from when the request should have been sent to the last byte of its answer: a late client
   * counts as latency.
   */
  readonly latency: number;
  /** ms by which the client was late to send it. */
  readonly lag: number;
  readonly error?: string;
}

export interface Playing {
  /**
   * Resolves when the warm-up is over, with the moment at which the schedule begins (ms since the
   * epoch).
   */
  readonly begun: Promise<number>;
  readonly hits: Promise<readonly Hit[]>;
}

/** @throws Error (from `hits`) when the player fails */
export async function play(scope: Scope, schedule: Schedule): Promise<Playing> {
  const folder = scope.directory();
  const input = join(folder, 'schedule.json');
  const result = join(folder, 'hits.json');
  writeFileSync(input, JSON.stringify(schedule));
  const player = fileURLToPath(new URL('player.ts', import.meta.url));
  const running = await scope.start({
    program: process.execPath,
    words: ['--import', import.meta.resolve('tsx'), player, input, result],
  });
  const exited = once(running.child, 'close');
  const begun = new Promise<number>((resolve) => running.child.stdout?.once('data', (text: Buffer) => resolve(Number(text))));
  const hits = exited.then(([code]) => {
    if (code !== 0) throw new Error(`the client failed (${String(code)}): ${running.stderr()}`);
    return JSON.parse(readFileSync(result, 'utf8')) as readonly Hit[];
  });
  // If the player fails before it begins, whoever waits for the beginning must hear of it.
  const beginning = Promise.race([begun, hits.then(() => begun)]);
  // Not everybody waits for both: a failure nobody waits for must not end the process before it has
  // cleaned up.
  hits.catch(() => undefined);
  beginning.catch(() => undefined);
  return { begun: beginning, hits };
}
