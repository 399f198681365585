// Holds what a worker has answered and the client has not taken yet: in memory, then in a temporary
// file, up to a limit.

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../core/clock.ts';
import { asError } from '../../core/errors.ts';
import { TempFile } from '../../core/temp-file.ts';

export interface SpoolLimits {
  /** Bytes kept in memory before the file is begun. */
  readonly memory: number;
  /** Bytes of the file before the worker has to wait; 0: no file. */
  readonly file: number;
  readonly tempDir: string;
  /** ms that the client may take nothing. */
  readonly stallTimeout: number;
}

export interface SpoolEvents {
  /** There is room again after `write` gave false. */
  room(): void;
  /** The client took nothing for too long. */
  stalled(): void;
  /** The file cannot be written or read. */
  failed(error: Error): void;
}

/** Bytes on their way to the disk before the worker has to wait. */
const MAX_UNWRITTEN = 1024 * 1024;
const READ_SIZE = 65_536;

/**
 * Invariants:
 * 1. Bytes leave in the order memory, file, unwritten; while the file or what is bound for it holds
 *    bytes, new ones go there too, so none overtakes another.
 * 2. While the client keeps up nothing is held: chunks go straight through.
 * 3. At most one disk operation runs at a time; `#release` alone closes the file.
 */
export class Spool {
  readonly #response: ServerResponse;
  readonly #limits: SpoolLimits;
  readonly #clock: Clock;
  readonly #events: SpoolEvents;
  #memory: Buffer[] = [];
  #memorySize = 0;
  #unwritten: Buffer[] = [];
  #unwrittenSize = 0;
  #file: TempFile | undefined;
  #fileRead = 0;
  #diskBusy = false;
  #sent = 0;
  #blocked = false;
  #full = false;
  #ended = false;
  #closed = false;
  #stall: Timer | undefined;

  constructor(response: ServerResponse, limits: SpoolLimits, clock: Clock, events: SpoolEvents) {
    this.#response = response;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
  }

  /** Bytes handed to the client's connection. */
  get sent(): number {
    return this.#sent;
  }

  /** Takes bytes for the client. False: hold back until `room`. */
  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    if (!this.#blocked && this.#held() === 0) {
      this.#send(chunk);
      return true;
    }
    const fileInUse = this.#unwrittenSize > 0 || this.#fileSize() > 0;
    if (!fileInUse && (this.#memorySize + chunk.length <= this.#limits.memory || this.#limits.file === 0)) {
      this.#memory.push(chunk);
      this.#memorySize += chunk.length;
      this.#full = this.#memorySize > this.#limits.memory;
    } else {
      this.#unwritten.push(chunk);
      this.#unwrittenSize += chunk.length;
      this.#full = this.#unwrittenSize > MAX_UNWRITTEN || this.#onDisk() > this.#limits.file;
      if (!this.#diskBusy) void this.#useDisk();
    }
    return !this.#full;
  }

  /** No more bytes will come: ends the response once the client has everything. */
  end(): void {
    this.#ended = true;
    this.#pump();
  }

  /** Drops what is held. */
  destroy(): void {
    this.#closed = true;
    this.#memory = [];
    this.#unwritten = [];
    this.#release();
  }

  #held(): number {
    return this.#memorySize + this.#fileSize() + this.#unwrittenSize;
  }

  #fileSize(): number {
    return (this.#file?.size ?? 0) - this.#fileRead;
  }

  /**
   * The file as it will be. What was read of it takes space until the client has caught up, which a
   * slow one may never do.
   */
  #onDisk(): number {
    return (this.#file?.size ?? 0) + this.#unwrittenSize;
  }

  #send(chunk: Buffer): void {
    this.#sent += chunk.length;
    if (this.#response.write(chunk)) return;
    this.#blocked = true;
    this.#stall ??= this.#clock.after(this.#limits.stallTimeout, () => {
      if (this.#blocked && !this.#closed) this.#events.stalled();
    });
    this.#stall.restart();
    this.#response.once('drain', () => {
      this.#blocked = false;
      this.#pump();
    });
  }

  /** Moves held bytes to the client as far as it takes them. */
  #pump(): void {
    while (!this.#closed && !this.#blocked) {
      const chunk = this.#memory.shift();
      if (chunk !== undefined) {
        this.#memorySize -= chunk.length;
        this.#send(chunk);
      } else if (this.#unwrittenSize > 0 || this.#fileSize() > 0) {
        if (!this.#diskBusy) void this.#useDisk();
        break;
      } else if (this.#ended) {
        this.#closed = true;
        this.#release();
        this.#response.end();
        return;
      } else {
        break;
      }
    }
    this.#offerRoom();
  }

  /** Asks for more when half of what may be held is free again. */
  #offerRoom(): void {
    if (!this.#full || this.#closed) return;
    if (
      this.#unwrittenSize > MAX_UNWRITTEN / 2 ||
      this.#memorySize + this.#onDisk() > (this.#limits.memory + this.#limits.file) / 2
    )
      return;
    this.#full = false;
    this.#events.room();
  }

  /** Reads for the client while it can take more, else writes what waits for the disk. */
  async #useDisk(): Promise<void> {
    this.#diskBusy = true;
    try {
      while (!this.#closed) {
        if (!this.#blocked && this.#fileSize() > 0 && this.#file !== undefined) {
          const bytes = await this.#file.read(this.#fileRead, READ_SIZE);
          if (this.#isClosed()) break;
          this.#fileRead += bytes.length;
          this.#send(bytes);
          if (this.#fileSize() === 0) await this.#rewind(this.#file);
        } else if (this.#unwrittenSize > 0) {
          this.#file ??= await TempFile.create(this.#limits.tempDir);
          const chunks = this.#unwritten;
          this.#unwritten = [];
          await this.#file.append(chunks);
          this.#unwrittenSize = this.#unwritten.reduce((sum, chunk) => sum + chunk.length, 0);
          this.#offerRoom();
        } else {
          break;
        }
      }
    } catch (error) {
      if (!this.#isClosed()) this.#events.failed(asError(error));
    }
    this.#diskBusy = false;
    if (this.#closed) this.#release();
    else this.#pump();
  }

  /** The client has caught up with the file: its space is given back. */
  async #rewind(file: TempFile): Promise<void> {
    this.#fileRead = 0;
    await file.clear();
  }

  /** `#closed` may change during an await, which the compiler cannot see. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #release(): void {
    this.#stall?.cancel();
    if (this.#diskBusy) return;
    this.#file?.close();
    this.#file = undefined;
  }
}
