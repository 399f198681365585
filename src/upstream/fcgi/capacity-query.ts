// Finds out how many exchanges an upstream takes at a time, by asking it (`max_conns: auto`,
// DESIGN.md fact 6).

import type { Clock, Timer } from '../../core/clock.ts';
import { RecordDecoder, RecordError } from '../../fcgi/decode.ts';
import { encodeGetMaxConns, maxConnsOf } from '../../fcgi/values.ts';
import type { Connection, ConnectionUser } from '../transport/connection.ts';
import type { DialResult } from '../transport/dial.ts';

/**
 * How long a worker may take to say how many connections it takes, ms. libfcgi and php-fpm need
 * 0.1.
 */
const ANSWER_TIMEOUT = 250;
/**
 * How long a second worker behind the same socket may take to answer while the first is held, ms.
 */
const SECOND_TIMEOUT = 100;

export interface CapacityAnswer {
  /**
   * Exchanges at a time, `Infinity` for no limit of its own; `silent` when no answer came in time,
   * `lost` when the connection ended without one.
   */
  readonly capacity: number | 'silent' | 'lost';
  /** Whether the connection asked on can carry the request now. */
  readonly usable: boolean;
}

/**
 * Asks on `first`, a fresh connection, and calls `done` once: an answer above 1 is the capacity; an
 * answer without a number (php-fpm) is no limit; 1 may come from one of several processes that
 * share the socket (FCGI::ProcManager, spawn-fcgi -F), so the same question goes over a second
 * connection while the first is held: answered, there are several, and the kernel spreads
 * connections among them.
 *
 * @param dialSecond opens another connection to the same upstream; returns how to give up
 * @returns how to give up: closes everything, `done` is not called
 */
export function askCapacity(
  first: Connection,
  dialSecond: (result: DialResult) => () => void,
  clock: Clock,
  done: (answer: CapacityAnswer) => void,
): () => void {
  let endSecond: () => void = () => undefined;
  let timer: Timer;
  const finish = (capacity: CapacityAnswer['capacity'], usable: boolean): void => {
    timer.cancel();
    endSecond();
    if (!usable) first.destroy();
    done({ capacity, usable });
  };

  const onFirstAnswer = (maxConns: number | undefined): void => {
    if (maxConns !== 1) {
      finish(maxConns ?? Number.POSITIVE_INFINITY, firstQuestion.clean);
      return;
    }
    timer.cancel();
    timer = clock.after(SECOND_TIMEOUT, () => finish(1, firstQuestion.clean));
    endSecond = dialSecond({
      connected: (second) => {
        endSecond = () => second.destroy();
        ask(
          second,
          () => finish(Number.POSITIVE_INFINITY, firstQuestion.clean),
          () => finish(1, firstQuestion.clean),
        );
      },
      // No room for a second connection, even in the backlog.
      failed: () => finish(1, firstQuestion.clean),
    });
  };

  const firstQuestion = ask(first, onFirstAnswer, () => finish('lost', false));
  timer = clock.after(ANSWER_TIMEOUT, () => finish('silent', false));
  return () => {
    timer.cancel();
    endSecond();
    first.destroy();
  };
}

/**
 * Puts the question on one connection. `lost` is called when the connection ends or does not speak
 * FastCGI.
 */
function ask(connection: Connection, answered: (maxConns: number | undefined) => void, lost: () => void): RecordDecoder {
  const decoder = new RecordDecoder({
    stdout: () => undefined,
    stderr: () => undefined,
    end: () => undefined,
    values: (values) => {
      answer = { maxConns: maxConnsOf(values) };
    },
  });
  let answer: { readonly maxConns: number | undefined } | undefined;
  const user: ConnectionUser = {
    data: (chunk) => {
      try {
        decoder.write(chunk);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        connection.destroy();
        lost();
        return;
      }
      if (answer !== undefined) {
        const { maxConns } = answer;
        answer = undefined;
        answered(maxConns);
      }
    },
    drained: () => undefined,
    closed: lost,
  };
  connection.use(user);
  connection.write(encodeGetMaxConns());
  return decoder;
}
