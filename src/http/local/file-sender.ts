// Sends part of an open file to a client, no faster than it takes it, and closes the file.

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../core/clock.ts';
import { asError } from '../../core/errors.ts';
import type { FilePart } from './local-answer.ts';

const READ_SIZE = 65_536;

export interface FileSenderEvents {
  /** The client took nothing for too long. */
  stalled(): void;
  /** The file cannot be read, or has become shorter than its announced length. */
  failed(reason: string): void;
}

/** Invariant: `#close` alone closes the file, once, and no read runs when it does. */
export class FileSender {
  readonly #response: ServerResponse;
  readonly #file: FilePart;
  readonly #stallTimeout: number;
  readonly #clock: Clock;
  readonly #events: FileSenderEvents;
  #bytes = 0;
  #destroyed = false;
  #wake: (() => void) | undefined;

  constructor(response: ServerResponse, file: FilePart, stallTimeout: number, clock: Clock, events: FileSenderEvents) {
    this.#response = response;
    this.#file = file;
    this.#stallTimeout = stallTimeout;
    this.#clock = clock;
    this.#events = events;
    response.on('drain', () => this.#wake?.());
    void this.#run();
  }

  /** Body bytes handed to the client's connection. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing more is sent. May be called again. */
  destroy(): void {
    this.#destroyed = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    try {
      await this.#send();
    } catch (error) {
      if (!this.#destroyed) this.#events.failed(asError(error).message);
    } finally {
      await this.#file.handle.close().catch(() => undefined);
    }
  }

  async #send(): Promise<void> {
    const { handle, start, length } = this.#file;
    while (this.#bytes < length) {
      // A buffer of its own for each read: the connection may still hold the one before.
      const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, length - this.#bytes));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start + this.#bytes);
      if (this.#destroyed) return;
      if (bytesRead === 0) throw new Error('a file became shorter while it was sent');
      this.#bytes += bytesRead;
      if (!this.#response.write(buffer.subarray(0, bytesRead)) && !(await this.#room())) return;
    }
    this.#response.end();
  }

  /**
   * Resolves when the client has taken what it was sent; false when there is nothing more to send
   * it.
   */
  async #room(): Promise<boolean> {
    let timer: Timer | undefined;
    let stalled = false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#clock.after(this.#stallTimeout, () => {
        stalled = true;
        resolve();
      });
    });
    timer?.cancel();
    this.#wake = undefined;
    if (stalled && !this.#destroyed) this.#events.stalled();
    return !stalled && !this.#destroyed;
  }
}
