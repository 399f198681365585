// Sends a request body that does not fit in memory from a stream, no faster than the upstream reads.

import type { Readable } from 'node:stream';
import { STDIN_CONTENT, stdinEnd, stdinFrame } from '../fcgi/encode.ts';
import type { Connection } from './connection.ts';

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
  /** The stream broke, or did not hold as many bytes as the upstream was promised. */
  failed(error: Error): void;
}

/** The pump waits for the next bytes of the stream, for the upstream to read, or for nothing any more. */
export type BodyPumpState = 'source' | 'worker' | 'done';

export class BodyPump {
  readonly #target: BodyTarget;
  readonly #source: Readable;
  readonly #events: BodyPumpEvents;
  #left: number;
  #state: BodyPumpState = 'source';

  /** @param size bytes the stream will give */
  constructor(target: BodyTarget, source: Readable, size: number, events: BodyPumpEvents) {
    this.#target = target;
    this.#source = source;
    this.#events = events;
    this.#left = size;
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
    this.#to('source');
    this.#source.resume();
  }

  /** Sends nothing more. The stream stays open: it belongs to whoever opened it. */
  stop(): void {
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.pause();
    this.#state = 'done';
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#target.writeBroken) {
      // The worker reads no more. Its answer may still come, so this is no failure (fact 9).
      this.stop();
      this.#events.changed();
      return;
    }
    this.#left -= chunk.length;
    if (this.#left < 0) {
      this.#fail(new Error(`request body is ${-this.#left} bytes longer than announced`));
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
      this.#fail(new Error(`request body ended ${this.#left} bytes short of its announced length`));
      return;
    }
    this.#target.end();
    this.#to('done');
  };

  readonly #onError = (error: Error): void => {
    if (this.#state !== 'done') this.#fail(error);
  };

  #fail(error: Error): void {
    this.stop();
    this.#events.failed(error);
  }

  #to(state: BodyPumpState): void {
    this.#state = state;
    this.#events.changed();
  }
}
