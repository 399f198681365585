// Sends a request body that does not fit in memory from a stream, no faster than the upstream
// reads.

import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../../core/clock.ts';
import { ProxyError } from '../../core/errors.ts';
import { STDIN_CONTENT, stdinEnd, stdinFrame } from '../../fcgi/encode.ts';
import type { Connection } from './connection.ts';
import type { StreamedBody } from './request.ts';

/** Where a body goes. */
export interface BodyTarget {
  /** True when the upstream no longer reads: what is written is dropped. */
  readonly writeBroken: boolean;
  /** False: wait for `drained` before writing more. */
  write(chunk: Buffer): boolean;
  end(): void;
}

/** Sends a body as STDIN records. */
export function stdinTarget(connection: Connection): BodyTarget {
  return {
    get writeBroken() {
      return connection.writeBroken;
    },
    write: (chunk) => {
      let more = true;
      for (let at = 0; at < chunk.length; at += STDIN_CONTENT) {
        const content = chunk.subarray(at, at + STDIN_CONTENT);
        const { header, padding } = stdinFrame(connection.requestId, content.length);
        more = connection.write(header, content, padding);
      }
      return more;
    },
    end: () => void connection.write(stdinEnd(connection.requestId)),
  };
}

export interface BodyPumpEvents {
  /** What the pump waits for has changed. */
  changed(): void;
  /**
   * The stream broke, gave nothing for too long, or did not hold as many bytes as the upstream was
   * promised.
   */
  failed(error: ProxyError): void;
}

/**
 * The pump waits for the next bytes of the stream, for the upstream to read, or for nothing any
 * more.
 */
export type BodyPumpState = 'source' | 'worker' | 'done';

/** Invariant: the idle timer is set only until the body ends, fails or is no longer wanted. */
export class BodyPump {
  readonly #target: BodyTarget;
  readonly #body: StreamedBody;
  readonly #source: Readable;
  readonly #events: BodyPumpEvents;
  /**
   * Only bytes of the client set it back: an upstream that moves must not hide a client that does
   * not.
   */
  #idle: Timer | undefined;
  #left: number;
  #state: BodyPumpState = 'source';

  constructor(target: BodyTarget, body: StreamedBody, clock: Clock, events: BodyPumpEvents) {
    const source = body.open();
    this.#target = target;
    this.#body = body;
    this.#source = source;
    this.#events = events;
    this.#left = body.size;
    this.#idle = body.idle && clock.after(body.idle.ms, () => this.#timedOut());
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.on('error', this.#onError);
  }

  get state(): BodyPumpState {
    return this.#state;
  }

  /** The connection has room again. */
  drained(): void {
    if (this.#state !== 'worker') return;
    this.#idle?.restart();
    this.#to('source');
    this.#source.resume();
  }

  /** Sends nothing more. The stream stays open: it belongs to whoever opened it. */
  stop(): void {
    this.endIdleLimit();
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.pause();
    this.#state = 'done';
  }

  /** The upstream is done: what still comes is dropped, and no slot waits for it any more. */
  endIdleLimit(): void {
    this.#idle?.cancel();
    this.#idle = undefined;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#idle?.restart();
    if (this.#target.writeBroken) {
      // The worker reads no more. Its answer may still come, so this is no failure (fact 9).
      this.stop();
      this.#events.changed();
      return;
    }
    this.#left -= chunk.length;
    if (this.#left < 0) {
      this.#broken(`request body is ${-this.#left} bytes longer than announced`);
      return;
    }
    if (this.#target.write(chunk)) {
      this.#events.changed();
    } else {
      this.#source.pause();
      this.#to('worker');
    }
  };

  readonly #onEnd = (): void => {
    if (this.#left > 0) {
      this.#broken(`request body ended ${this.#left} bytes short of its announced length`);
      return;
    }
    this.endIdleLimit();
    this.#target.end();
    this.#to('done');
  };

  readonly #onError = (error: Error): void => {
    if (this.#state !== 'done') this.#broken(error.message, error);
  };

  #timedOut(): void {
    // While the upstream does not read, neither do we, and the send timeout holds: the client
    // cannot be blamed.
    if (this.#body.idle === undefined || this.#state !== 'source') return;
    if (this.#target.writeBroken) {
      // The upstream reads no more: nothing that the client could send would move it (fact 9).
      this.stop();
      this.#events.changed();
    } else {
      this.#fail(this.#body.idle.error());
    }
  }

  #broken(message: string, cause?: Error): void {
    this.#fail(new ProxyError(this.#body.failure, `request body: ${message}`, { cause }));
  }

  #fail(error: ProxyError): void {
    this.stop();
    this.#events.failed(error);
  }

  #to(state: BodyPumpState): void {
    this.#state = state;
    this.#events.changed();
  }
}
