// Requests at a steady rate, whether those before have been answered or not, and what became of
// each.

import type { JournalLine } from '../../peers/libfcgi.ts';
import { ask } from './http-client.ts';

export interface Sent {
  readonly method: 'GET' | 'POST';
  /** Different for each. */
  readonly uri: string;
  /** 0 when there was no whole answer. */
  readonly status: number;
  /** ms */
  readonly took: number;
}

/**
 * Sends requests of 15 ms of work each (echo-worker.c) to the front end at `path`.
 * @param perSecond of this method
 */
export async function steadyLoad(path: string, method: Sent['method'], perSecond: number, seconds: number): Promise<Sent[]> {
  const total = seconds * perSecond;
  const answers: Promise<Sent>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const uri = `/spend?15&${method}${answers.length}`;
      const body = method === 'POST' ? { body: 'x=1' } : {};
      const began = performance.now();
      const done = (status: number): Sent => ({ method, uri, status, took: performance.now() - began });
      answers.push(
        ask(path, { method, path: uri, ...body }).then(
          ({ status, complete }) => done(complete ? status : 0),
          () => done(0),
        ),
      );
      if (answers.length === total) {
        clearInterval(timer);
        resolve();
      }
    }, 1000 / perSecond);
  });
  return Promise.all(answers);
}

/** Lines of the workers that began this request. */
export function begun(journal: readonly JournalLine[], { method, uri }: Sent): readonly JournalLine[] {
  return journal.filter((line) => line.method === method && line.uri === uri);
}

/** What the slowest hundredth took at least, in ms. */
export function p99(sent: readonly Sent[]): number {
  const took = sent.map((each) => each.took).sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)] ?? 0;
}
