// The probe `request` for an HTTP upstream: a request of its own, and an answer as the operator
// expects it.

import type { ProbeExpectation, ProbeQuestion } from '../config/health.ts';
import type { HttpHead, HttpRequest } from '../upstream/http/request.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import { ExpectedAnswer } from './expected-answer.ts';
import { bad, failedAnswer } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';

/** Bytes that the head of an answer may have. */
const MAX_HEAD = 65_536;

export class HttpRequestProbe implements Probe {
  readonly #request: HttpRequest;
  readonly #expect: ProbeExpectation;

  constructor({ method, uri, expect }: Extract<ProbeQuestion, { readonly kind: 'request' }>) {
    this.#expect = expect;
    this.#request = {
      method,
      target: Buffer.from(uri, 'utf8').toString('latin1'),
      headers: { 'User-Agent': 'fcgi-lb probe' },
      bodyLength: undefined,
      body: { kind: 'none' },
      repeatable: true,
      upgrade: undefined,
      maxHead: MAX_HEAD,
    };
  }

  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    const answer = new ExpectedAnswer(this.#expect);
    const exchange = loan.forward(this.#request, {
      sent: () => undefined,
      interim: () => undefined,
      head: (head) => answer.push(asCgi(head)),
      data: (bytes) => answer.push(bytes),
      end: () => {
        const problem = answer.problem();
        done(problem === undefined ? { kind: 'good' } : bad(problem));
      },
      failed: (error) => done(failedAnswer(error)),
      // The probe did not ask for an upgrade.
      upgraded: (_head, socket) => void socket.destroy(),
    });
    return () => exchange.abandon({ kind: 'abandoned' });
  }
}

/** The head as a FastCGI worker would have sent it, to be judged by the same rules. */
function asCgi({ status, rawHeaders }: HttpHead): Buffer {
  const lines = [`Status: ${status}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'status') lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  return Buffer.from(`${lines.join('\n')}\n\n`, 'latin1');
}
