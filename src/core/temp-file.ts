// A temporary file that has no name: it is gone when it is closed or when the process ends, however
// it ends.

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { asError } from './errors.ts';

const READ_SIZE = 65_536;

export class TempFile {
  readonly #handle: FileHandle;
  #size = 0;
  #busy = 0;
  #closed = false;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /**
   * Creates the file in `directory`, readable by nobody else, and removes its name at once.
   * @throws Error (Node system error) when the directory cannot be written to
   */
  static async create(directory: string): Promise<TempFile> {
    const path = join(directory, `fcgi-lb-${randomBytes(12).toString('hex')}`);
    const handle = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new TempFile(handle);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds bytes at the end. One append at a time.
   * @throws Error (Node system error), ENOSPC for a full disk
   */
  async append(chunks: readonly Buffer[]): Promise<void> {
    await this.#use(async () => {
      for (const chunk of chunks) {
        let at = 0;
        while (at < chunk.length) {
          const { bytesWritten } = await this.#handle.write(chunk, at, chunk.length - at, this.#size);
          at += bytesWritten;
          this.#size += bytesWritten;
        }
      }
    });
  }

  /** Up to `length` bytes from `position`; fewer at the end of the file. */
  async read(position: number, length: number): Promise<Buffer> {
    return this.#use(async () => {
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await this.#handle.read(buffer, 0, length, position);
      return buffer.subarray(0, bytesRead);
    });
  }

  /** Forgets what was written and gives the disk space back. */
  async clear(): Promise<void> {
    this.#size = 0;
    await this.#use(() => this.#handle.truncate(0));
  }

  /**
   * The whole file from the start; may be called again. The stream holds nothing but memory: it can
   * be dropped at any point.
   */
  stream(): Readable {
    let position = 0;
    const file = this;
    return new Readable({
      highWaterMark: READ_SIZE,
      read() {
        file.read(position, READ_SIZE).then(
          (bytes) => {
            position += bytes.length;
            this.push(bytes.length === 0 ? null : bytes);
          },
          (error: unknown) => this.destroy(asError(error)),
        );
      },
    });
  }

  /** Frees the file once what is being read or written is through. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeWhenQuiet();
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('temporary file is closed');
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#closeWhenQuiet();
    }
  }

  #closeWhenQuiet(): void {
    if (this.#closed && this.#busy === 0) this.#handle.close().catch(() => undefined);
  }
}
