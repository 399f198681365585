// What the health endpoint of the public listener says: whether the process serves, or stops.

import type { Answerer, LocalAnswer } from './local-answer.ts';

/** @param stopping whether the process finishes what runs and is to be sent nothing more */
export function healthAnswerer(stopping: () => boolean): Answerer {
  const [serves, stops] = [answer(200, 'ok'), answer(503, 'stopping')];
  return () => (stopping() ? stops : serves);
}

function answer(status: number, text: string): LocalAnswer {
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store'];
  return { kind: 'whole', status, headers, body: Buffer.from(`${text}\n`) };
}
