// The probe `request`: a FastCGI request of its own, and an answer as the operator expects it.

import type { ProbeExpectation, ProbeQuestion } from '../config/health.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import type { FcgiRequest } from '../upstream/transport/request.ts';
import { ExpectedAnswer } from './expected-answer.ts';
import { bad, failedAnswer } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';
import { probeRequest } from './probe-request.ts';

export class RequestProbe implements Probe {
  readonly #request: FcgiRequest;
  readonly #expect: ProbeExpectation;

  /** @throws ConfigError when the parameters are larger than a worker takes */
  constructor(question: Extract<ProbeQuestion, { readonly kind: 'request' }>) {
    this.#request = probeRequest(question);
    this.#expect = question.expect;
  }

  /**
   * The answer is judged when it is complete: the worker is busy until END_REQUEST or its close,
   * and so is the slot (docs/decisions/0003-lease-end.md).
   */
  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    const answer = new ExpectedAnswer(this.#expect);
    // An exchange writes its connection's request id into the head, and the last one may not have
    // sent all of its own.
    const request = { ...this.#request, head: Buffer.from(this.#request.head) };
    const exchange = loan.start(request, {
      sent: () => undefined,
      stdout: (bytes) => answer.push(bytes),
      end: () => {
        const problem = answer.problem();
        done(problem === undefined ? { kind: 'good' } : bad(problem));
      },
      failed: (error) => done(failedAnswer(error)),
    });
    return () => exchange.abandon({ kind: 'abandoned' });
  }
}
