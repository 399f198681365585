// The probe `connect`: does a connection come about? Behind a socket of systemd it always does,
// while the worker is starting, busy or dead.

import type { ProbeLease } from '../upstream/probe-lease.ts';
import { failedAnswer } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';

export class ConnectProbe implements Probe {
  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    const cancel = loan.dial({
      connected: (connection) => {
        connection.destroy();
        loan.release();
        done({ kind: 'good' });
      },
      failed: (error) => {
        loan.release();
        done(failedAnswer(error));
      },
    });
    return () => {
      cancel();
      loan.release();
    };
  }
}
