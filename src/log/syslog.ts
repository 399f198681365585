// Sends lines to a syslog server: one datagram each over UDP (RFC 3164), with a bound on what may
// wait in the socket.

import { createSocket, type Socket } from 'node:dgram';
import { hostname } from 'node:os';
import type { SyslogTarget } from '../config/access-log.ts';
import type { Clock } from '../core/clock.ts';
import type { WriterEvents } from './line-writer.ts';

/**
 * Bytes of one message. RFC 3164 has 1,024; servers of today take this much, and longer ones would
 * be lost whole.
 */
const MAX_MESSAGE = 8192;
/** ms before the next try to find the server. */
const AGAIN = 10_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

type State =
  /** Its name is being looked up. */
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected' }
  /** There is no such name, or no way there, since the time given. */
  | { readonly kind: 'lost'; readonly since: number }
  | { readonly kind: 'closed' };

/**
 * Invariants:
 * 1. `#waiting` is the bytes that were given to the socket and are not yet sent; beyond `limit`
 *    lines are dropped.
 * 2. The socket does not keep the process alive, and is closed once, when what was given to it has
 *    been sent.
 */
export class SyslogSender {
  readonly #target: SyslogTarget;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  readonly #host: string;
  #socket: Socket;
  #state: State = { kind: 'connecting' };
  #early: Buffer[] = [];
  #waiting = 0;
  #closing = false;
  #onIdle: (() => void)[] = [];

  /** @param limit bytes that may wait */
  constructor(
    target: SyslogTarget,
    address: { readonly host: string; readonly port: number },
    limit: number,
    clock: Clock,
    events: WriterEvents,
  ) {
    this.#target = target;
    this.#address = address;
    this.#limit = limit;
    this.#clock = clock;
    this.#events = events;
    this.#host = target.hostname ? `${hostname().replace(/\..*$/, '')} ` : '';
    this.#socket = this.#connect();
  }

  /** Takes a line with its line end. Never waits. */
  write(line: string): void {
    const state = this.#state;
    if (state.kind === 'lost' && !this.#closing && this.#clock.now() - state.since >= AGAIN) {
      this.#state = { kind: 'connecting' };
      this.#socket = this.#connect();
    }
    const message = this.#message(line);
    if (this.#waiting + message.length > this.#limit || this.#state.kind === 'lost' || this.#closing) {
      this.#events.dropped(1);
      return;
    }
    this.#waiting += message.length;
    if (this.#state.kind === 'connecting') this.#early.push(message);
    else this.#send(message);
  }

  /** Resolves when everything is on its way. */
  idle(): Promise<void> {
    return this.#waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Sends what waits and lets go of the socket. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#state.kind === 'connected') this.#end();
    else if (this.#state.kind === 'lost') this.#state = { kind: 'closed' };
  }

  #connect(): Socket {
    const { host, port } = this.#address;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', (error) => this.#failed(socket, error));
    socket.once('connect', () => {
      if (this.#state.kind !== 'connecting' || socket !== this.#socket) return;
      this.#state = { kind: 'connected' };
      const early = this.#early;
      this.#early = [];
      for (const message of early) this.#send(message);
      if (this.#closing) this.#end();
    });
    // Connected, the kernel reports a server that is not there, and the name is looked up once.
    socket.connect(port, host);
    return socket;
  }

  #send(message: Buffer): void {
    this.#socket.send(message, (error) => {
      if (error !== null) {
        this.#events.dropped(1, error);
      } else if (this.#waiting === message.length) this.#events.drained?.();
      this.#sent(message.length);
    });
  }

  #sent(bytes: number): void {
    this.#waiting -= bytes;
    if (this.#waiting > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  /**
   * While it connects, the name does not resolve; later, a datagram has reached no server.
   */
  #failed(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    if (this.#state.kind !== 'connecting') {
      this.#events.dropped(1, error);
      return;
    }
    this.#state = this.#closing ? { kind: 'closed' } : { kind: 'lost', since: this.#clock.now() };
    socket.close();
    const early = this.#early;
    this.#early = [];
    if (early.length > 0) this.#events.dropped(early.length, error);
    else this.#events.failed(error);
    this.#sent(early.reduce((sum, message) => sum + message.length, 0));
  }

  /** Datagrams that were handed over are sent first: the kernel takes them at once. */
  #end(): void {
    this.#state = { kind: 'closed' };
    void this.idle().then(() => this.#socket.close());
  }

  #message(line: string): Buffer {
    const now = this.#clock.date();
    const clockTime = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
    const time = `${MONTHS[now.getMonth()]} ${String(now.getDate()).padStart(2, ' ')} ${clockTime}`;
    const message = Buffer.from(`<${this.#target.priority}>${time} ${this.#host}${this.#target.tag}: ${line.slice(0, -1)}`);
    return message.length > MAX_MESSAGE ? message.subarray(0, MAX_MESSAGE) : message;
  }
}
