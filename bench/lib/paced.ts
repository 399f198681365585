// A client that sends or reads a body no faster than told.

import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Paced {
  readonly socketPath: string;
  readonly path: string;
  readonly bytes: number;
  /** Bytes a millisecond; Infinity for as fast as it goes. */
  readonly pace: number;
}

const CHUNK = Buffer.alloc(65_536, 'u');

/**
 * Sends a body of known length.
 * @throws Error when the answer is not 200
 */
export async function upload({ socketPath, path, bytes, pace }: Paced): Promise<void> {
  const start = performance.now();
  const sent = request({ socketPath, method: 'POST', path, headers: { Host: 'bench.example', 'Content-Length': bytes } });
  const answered = new Promise<number>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
  });
  // Awaited below; a failure while we still send must not count as unhandled.
  answered.catch(() => undefined);
  for (let done = 0; done < bytes && !sent.destroyed; done += CHUNK.length) {
    const more = sent.write(done + CHUNK.length > bytes ? CHUNK.subarray(0, bytes - done) : CHUNK);
    if (!more) await Promise.race([new Promise((resolve) => sent.once('drain', resolve)), answered]);
    await keepPace(start, done, pace);
  }
  sent.end();
  const status = await answered;
  if (status !== 200) throw new Error(`upload to ${path}: status ${status}`);
}

/**
 * Reads a body.
 * @throws Error when the answer is not 200 or its body does not have `bytes` bytes
 */
export async function download({ socketPath, path, bytes, pace }: Paced): Promise<void> {
  const start = performance.now();
  let got = 0;
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { Host: 'bench.example' } }, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('data', (chunk: Buffer) => {
        got += chunk.length;
        response.pause();
        void keepPace(start, got, pace).then(() => response.resume());
      });
    });
    sent.on('error', reject);
    sent.end();
  });
  if (status !== 200 || got !== bytes) throw new Error(`download of ${path}: status ${status}, ${got} of ${bytes} bytes`);
}

async function keepPace(start: number, done: number, pace: number): Promise<void> {
  const ahead = done / pace - (performance.now() - start);
  if (ahead > 2) await delay(ahead);
}
