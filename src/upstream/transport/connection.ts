// One socket to a worker: owns the fd, hands its bytes to whoever uses it now, and closes exactly
// once.

import type { Address } from '../../core/address.ts';
import { FIRST_REQUEST_ID, LAST_REQUEST_ID } from '../../fcgi/protocol.ts';
import { receiveBuffer } from './receive-buffer.ts';
import { WorkerSocket } from './worker-socket.ts';

/**
 * Who uses a connection at the moment: an exchange, the capacity question, or the shelf of idle
 * connections.
 */
export interface ConnectionUser {
  data(chunk: Buffer): void;
  /** All that was written has left our buffers. */
  drained(): void;
  /** The worker closed, or the connection broke. Called once; the connection is closed already. */
  closed(error: Error | undefined): void;
}

export type ConnectionState = 'connecting' | 'open' | 'closed';

const NEXT: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  connecting: ['open', 'closed'],
  open: ['closed'],
  closed: [],
};

export class Connection {
  readonly #socket: WorkerSocket;
  #state: ConnectionState = 'connecting';
  #user: ConnectionUser;
  #opened: (() => void) | undefined;
  #requestId = 0;

  /**
   * Starts to connect; only `dial` calls this, since it turns the errors of connecting into coded
   * ones.
   * @param opened called once when the connection stands, unless it was closed before
   */
  constructor(address: Address, user: ConnectionUser, opened: () => void) {
    this.#user = user;
    this.#opened = opened;
    const socket = new WorkerSocket(receiveBuffer((bytes) => this.#user.data(bytes)));
    this.#socket = socket;
    socket.on('connect', () => {
      this.#to('open');
      this.#opened?.();
      this.#opened = undefined;
    });
    socket.on('drain', () => this.#user.drained());
    socket.on('end', () => this.#close(undefined));
    socket.on('error', (error) => this.#close(error));
    if (address.kind === 'unix') socket.connect({ path: address.path });
    else socket.connect({ host: address.host, port: address.port, noDelay: true });
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** True when the worker no longer reads: what is written is dropped. */
  get writeBroken(): boolean {
    return this.#socket.writeBroken;
  }

  /** True while written bytes wait in our memory because the worker does not read. */
  get blocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Of the exchange that runs here now, or ran last; 0 before the first. */
  get requestId(): number {
    return this.#requestId;
  }

  /** The request id of the exchange that begins now: another one than that before it. */
  nextRequestId(): number {
    this.#requestId = this.#requestId === LAST_REQUEST_ID ? FIRST_REQUEST_ID : this.#requestId + 1;
    return this.#requestId;
  }

  /** Hands the connection to another user; the former one hears nothing more. */
  use(user: ConnectionUser): void {
    this.#user = user;
  }

  /**
   * Writes the parts in order with as few system calls as possible. False: wait for `drained`
   * before writing more.
   */
  write(...parts: readonly Buffer[]): boolean {
    if (this.#state === 'closed') return true;
    const socket = this.#socket;
    if (parts.length === 1 && parts[0] !== undefined) return socket.write(parts[0]);
    socket.cork();
    let more = true;
    for (const part of parts) if (part.length > 0) more = socket.write(part);
    socket.uncork();
    return more;
  }

  /** Says that nothing more will be written; reading goes on. */
  endWrites(): void {
    if (this.#state !== 'closed') this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state !== 'closed') this.#socket.resume();
  }

  /** Closes now, whatever is unread or unsent; the user is not told. */
  destroy(): void {
    if (this.#state === 'closed') return;
    this.#to('closed');
    this.#socket.destroy();
  }

  #close(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#to('closed');
    this.#socket.destroy();
    this.#user.closed(error);
  }

  #to(next: ConnectionState): void {
    if (!NEXT[this.#state].includes(next)) throw new Error(`connection cannot go from ${this.#state} to ${next}`);
    this.#state = next;
  }
}
