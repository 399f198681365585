// Sends a request body that does not fit in memory: STDIN records made from a stream, no faster than the worker reads.

import type { Readable } from 'node:stream';
import { STDIN_CONTENT, stdinEnd, stdinFrame } from '../fcgi/encode.ts';
import type { Connection } from './connection.ts';

export interface BodyPumpEvents {
  /** What the pump waits for has changed. */
  changed(): void;
  /** The stream broke, or did not hold as many bytes as CONTENT_LENGTH promised the worker. */
  failed(error: Error): void;
}

/** The pump waits for the next bytes of the stream, for the worker to read, or for nothing any more. */
export type BodyPumpState = 'source' | 'worker' | 'done';

export class BodyPump {
  readonly #connection: Connection;
  readonly #source: Readable;
  readonly #events: BodyPumpEvents;
  #left: number;
  #state: BodyPumpState = 'source';

  /** @param size bytes the stream will give */
  constructor(connection: Connection, source: Readable, size: number, events: BodyPumpEvents) {
    this.#connection = connection;
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
    if (this.#connection.writeBroken) {
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
    let more = true;
    for (let at = 0; at < chunk.length; at += STDIN_CONTENT) {
      const content = chunk.subarray(at, at + STDIN_CONTENT);
      const { header, padding } = stdinFrame(this.#connection.requestId, content.length);
      more = this.#connection.write(header, content, padding);
    }
    if (more) {
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
    this.#connection.write(stdinEnd(this.#connection.requestId));
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
