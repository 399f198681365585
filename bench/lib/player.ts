// The client process: sends each request of a schedule when it is due, whether or not earlier ones
// have been answered.

import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { Hit, Schedule, Shot } from './play.ts';

/**
 * ms before the due time at which to stop sleeping and start to look at the clock: timers are good
 * to a millisecond only.
 */
const SPIN = 1.5;
/** ms after which an answer no longer counts. */
const PATIENCE = 60_000;
const WARMUP_STREAMS = 4;

const [, , input, result] = process.argv;
if (input === undefined || result === undefined) throw new Error('usage: player SCHEDULE RESULT');
const schedule = JSON.parse(readFileSync(input, 'utf8')) as Schedule;
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 4096 });

const waiting = [...schedule.warmup];
await Promise.all(
  Array.from({ length: WARMUP_STREAMS }, async () => {
    for (let shot = waiting.shift(); shot !== undefined; shot = waiting.shift()) await fire(shot, performance.now());
  }),
);
const start = performance.now() + 5;
process.stdout.write(`${performance.timeOrigin + start}\n`);
const hits: Promise<Hit>[] = [];
for (const shot of schedule.shots) {
  await until(start + shot.at);
  hits.push(fire(shot, start + shot.at));
}
writeFileSync(result, JSON.stringify(await Promise.all(hits)));
process.exit(0);

/** @param due when the request should be sent; its latency counts from there */
function fire({ method, path, body }: Shot, due: number): Promise<Hit> {
  return new Promise((resolve) => {
    const lag = performance.now() - due;
    const done = (status: number, error?: string): void => {
      const hit = { status, latency: performance.now() - due, lag };
      resolve(error === undefined ? hit : { ...hit, error });
    };
    const headers: Record<string, string | number> = { Host: 'bench.example' };
    if (body > 0) headers['Content-Length'] = body;
    const sent = request({ socketPath: schedule.socketPath, method, path, headers, agent, timeout: PATIENCE }, (response) => {
      response.resume();
      response.on('end', () => (response.complete ? done(response.statusCode ?? 0) : done(0, 'broken off')));
      response.on('error', (error) => done(0, error.message));
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer for ${PATIENCE} ms`)));
    sent.on('error', (error) => done(0, error.message));
    sent.end(body > 0 ? Buffer.alloc(body, 'b') : undefined);
  });
}

async function until(due: number): Promise<void> {
  for (;;) {
    const left = due - performance.now();
    if (left <= 0) return;
    if (left > SPIN + 1) await new Promise((resolve) => setTimeout(resolve, Math.floor(left - SPIN)));
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
