// The probe `values`: FCGI_GET_VALUES, which a FastCGI library answers by itself, without troubling
// the application.

import { RecordDecoder, RecordError } from '../fcgi/decode.ts';
import { encodeGetMaxConns } from '../fcgi/values.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import type { Connection } from '../upstream/transport/connection.ts';
import { bad, failedAnswer } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';

export class ValuesProbe implements Probe {
  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    let close: () => void;
    const end = (): void => {
      close();
      loan.release();
    };
    const answered = (answer: ProbeAnswer): void => {
      end();
      done(answer);
    };
    close = loan.dial({
      connected: (connection) => {
        close = () => connection.destroy();
        putQuestion(connection, answered);
      },
      failed: (error) => answered(failedAnswer(error)),
    });
    return end;
  }
}

/** `answered` is called once; the connection is to be closed then. */
function putQuestion(connection: Connection, answered: (answer: ProbeAnswer) => void): void {
  const ignore = (): void => undefined;
  const decoder = new RecordDecoder({ stdout: ignore, stderr: ignore, end: ignore, values: ignore });
  connection.use({
    data: (chunk) => {
      try {
        decoder.write(chunk);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        answered(bad(`no FastCGI: ${error.message}`));
        return;
      }
      // A whole record of any kind: who does not know the question says UNKNOWN_TYPE (specification
      // 4.2), and lives.
      if (decoder.clean) answered({ kind: 'good' });
    },
    drained: ignore,
    closed: (error) => answered(bad(error === undefined ? 'closed without an answer' : `no answer: ${error.message}`)),
  });
  connection.write(encodeGetMaxConns());
}
