// One HTTP request on an upstream, from dialling to the moment its slot is free again.

import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Indexed } from '../../core/dense-set.ts';
import { asError, type FailureCode, ProxyError } from '../../core/errors.ts';
import { BodyPump } from '../transport/body-pump.ts';
import type { ExchangeOutcome, ExchangeTimeouts } from '../transport/request.ts';
import { type ExchangeStage, StageTimer } from '../transport/stage-timer.ts';
import { WorkerSocket } from '../transport/worker-socket.ts';
import { breakage, headOf, IGNORE_HTTP_RESPONSE } from './answer.ts';
import type { HttpDialResult } from './dial.ts';
import type { HttpHead, HttpRequest, HttpSink } from './request.ts';

/** What an exchange needs of its upstream. */
export interface HttpExchangeHost {
  readonly name: string;
  /** What the Host field says for a client that named no host (HTTP/1.0). */
  readonly authority: string;
  readonly clock: Clock;
  /** Those that hold now. */
  timeouts(): ExchangeTimeouts;
  /** Whether to ask the upstream to keep the connection. */
  keepsSockets(): boolean;
  /**
   * True when any number of exchanges may run, so that an abandoned one protects nothing by
   * lingering.
   */
  unlimited(): boolean;
  dial(result: HttpDialResult): () => void;
  /** The answer has begun, so many ms after the request was written. */
  answered(ms: number): void;
  /** Takes a socket that can carry another request. */
  shelve(socket: Socket): void;
  /** Nobody wants its answer any more, but the upstream may still be at it: `gone` follows. */
  gaveUp(exchange: HttpExchange, outcome: ExchangeOutcome): void;
  /** The upstream has answered, or has closed, after it was given up. */
  heard(exchange: HttpExchange): void;
  /** The exchange is over: its slot is to be freed. Called exactly once. */
  gone(exchange: HttpExchange, outcome: ExchangeOutcome): void;
}

interface Wire {
  readonly socket: Socket;
  readonly message: ClientRequest;
  readonly reused: boolean;
  /** Bytes the socket had read before this request. */
  readonly readBefore: number;
}

type State =
  | { readonly kind: 'dialling'; readonly cancel: () => void }
  | { readonly kind: 'running'; readonly wire: Wire }
  | { readonly kind: 'answering'; readonly wire: Wire; readonly response: IncomingMessage }
  | { readonly kind: 'upgraded'; readonly socket: Socket }
  | { readonly kind: 'lingering'; readonly wire: Wire }
  | { readonly kind: 'gone' };

const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };

/**
 * Invariants, as for FastCGI exchanges:
 * 1. `host.gone` is called exactly once, on every path, and before the sink hears `end` or
 *    `failed`.
 * 2. Where slots are limited, one is held until the upstream has answered or closed, not until the
 *    client leaves: HTTP has no other word for "stop" than closing, and a server of one thread does
 *    not hear it while it computes.
 * 3. One request is written at most once; only a kept socket that was dead before any byte came is
 *    replaced.
 */
export class HttpExchange implements Indexed {
  /** Among the exchanges of its upstream. */
  index = -1;
  readonly #host: HttpExchangeHost;
  readonly #request: HttpRequest;
  #sink: HttpSink;
  #state: State = { kind: 'gone' };
  #pump: BodyPump | undefined;
  readonly #timer: StageTimer;
  #sentAt: number | undefined;
  #paused = false;

  constructor(host: HttpExchangeHost, request: HttpRequest, sink: HttpSink) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#timer = new StageTimer(host, (stage) => this.#timedOut(stage));
  }

  /** @param idle a kept socket to use instead of a fresh one */
  start(idle: Socket | undefined): void {
    if (idle === undefined) this.#dial();
    else this.#run(idle, true);
  }

  /** The client cannot take more: read no further until `resume`. */
  pause(): void {
    if (this.#state.kind !== 'answering' || this.#paused) return;
    this.#paused = true;
    this.#state.response.pause();
    this.#watch();
  }

  resume(): void {
    if (this.#state.kind !== 'answering' || !this.#paused) return;
    this.#paused = false;
    this.#state.response.resume();
    this.#watch();
  }

  /**
   * Nobody wants the answer any more; the sink hears nothing from now on. The upstream is told by
   * closing.
   */
  abandon(outcome: ExchangeOutcome): void {
    this.#sink = IGNORE_HTTP_RESPONSE;
    const state = this.#state;
    if (state.kind !== 'running' || this.#host.unlimited()) {
      if (state.kind !== 'lingering') this.#drop(outcome);
      return;
    }
    this.#pump?.stop();
    state.wire.socket.end();
    this.#state = { kind: 'lingering', wire: state.wire };
    this.#watch();
    this.#host.gaveUp(this, outcome);
  }

  /** Ends now, whatever the upstream does: the program is going away. */
  destroy(): void {
    this.#sink = IGNORE_HTTP_RESPONSE;
    this.#drop(ABANDONED);
  }

  #dial(): void {
    const cancel = this.#host.dial({
      connected: (socket) => this.#run(socket, false),
      failed: (error) => this.#fail(error),
    });
    this.#state = { kind: 'dialling', cancel };
  }

  #run(socket: Socket, reused: boolean): void {
    const { method, target, body, maxHead } = this.#request;
    let message: ClientRequest;
    try {
      const headers = { Host: this.#host.authority, ...this.#request.headers, ...this.#framing() };
      // Whole, not put together from parts: that would be a hidden class for each request (decision
      // 0032).
      message = httpRequest({
        createConnection: () => socket,
        maxHeaderSize: maxHead,
        insecureHTTPParser: false,
        setHost: false,
        method,
        path: target,
        headers,
      });
    } catch (cause) {
      this.#state = { kind: 'dialling', cancel: () => socket.destroy() };
      const error = new ProxyError('FCGI_LB_INTERNAL', `cannot write a request: ${asError(cause).message}`, { cause });
      queueMicrotask(() => this.#giveUp(error, ABANDONED));
      return;
    }
    // node:http would write every method in capitals, and drop what comes after 2,000 fields.
    message.method = method;
    message.maxHeadersCount = 0;
    this.#state = { kind: 'running', wire: { socket, message, reused, readBefore: socket.bytesRead } };
    message.on('response', (response) => this.#answer(response));
    message.on('information', (head) => this.#interim(headOf(head)));
    message.on('upgrade', (response, _socket, first) => this.#upgraded(response, first));
    message.on('error', (cause) => this.#broke(cause));
    message.on('finish', () => this.#watch());
    message.on('drain', () => {
      this.#pump?.drained();
      this.#watch();
    });
    this.#sink.sent();
    this.#sentAt = this.#host.clock.now();
    if (body.kind === 'none') message.end();
    else if (body.kind === 'bytes') message.end(body.bytes);
    else {
      const writeBroken = (): boolean => socket instanceof WorkerSocket && socket.writeBroken;
      const to = {
        get writeBroken() {
          return writeBroken();
        },
        write: (chunk: Buffer) => message.write(chunk),
        end: () => void message.end(),
      };
      this.#pump = new BodyPump(to, body, this.#host.clock, {
        changed: () => this.#watch(),
        failed: (error) => this.#giveUp(error, ABANDONED),
      });
    }
    this.#watch();
  }

  #framing(): OutgoingHttpHeaders {
    const { bodyLength, upgrade } = this.#request;
    if (upgrade !== undefined) return { Connection: 'Upgrade', Upgrade: upgrade };
    const connection = { Connection: this.#host.keepsSockets() ? 'keep-alive' : 'close' };
    return bodyLength === undefined ? connection : { ...connection, 'Content-Length': bodyLength };
  }

  #interim(head: HttpHead): void {
    if (this.#state.kind !== 'running') return;
    this.#sink.interim(head);
    this.#watch();
  }

  #answer(response: IncomingMessage): void {
    const state = this.#state;
    if (state.kind !== 'running') {
      if (state.kind === 'lingering') this.#host.heard(this);
      // Whoever was held up by an abandoned request is free now.
      this.destroy();
      return;
    }
    this.#begun();
    this.#state = { kind: 'answering', wire: state.wire, response };
    response.on('data', (chunk: Buffer) => {
      this.#sink.data(chunk);
      this.#watch();
    });
    response.on('end', () => this.#complete());
    response.on('error', (cause) => this.#broke(cause));
    this.#watch();
    this.#sink.head(headOf(response));
  }

  #upgraded(response: IncomingMessage, first: Buffer): void {
    const state = this.#state;
    if (state.kind !== 'running') {
      this.destroy();
      return;
    }
    const { upgrade } = this.#request;
    if (upgrade === undefined || response.headers.upgrade?.toLowerCase() !== upgrade) {
      this.#fail(this.#error('FCGI_LB_UPSTREAM_BAD_HEAD', 'changed to a protocol that nobody asked for (101)'));
      return;
    }
    this.#begun();
    const { socket } = state.wire;
    this.#state = { kind: 'upgraded', socket };
    this.#watch();
    socket.on('close', () => this.#finish({ kind: 'complete', status: response.statusCode }));
    this.#sink.upgraded(headOf(response), socket, first);
  }

  /** The whole answer has come. */
  #complete(): void {
    const state = this.#state;
    if (state.kind !== 'answering') return;
    const { response } = state;
    const { socket, message } = state.wire;
    const bodySent = message.writableFinished && (this.#pump === undefined || this.#pump.state === 'done');
    if (!this.#host.keepsSockets() || !message.shouldKeepAlive || !bodySent) {
      socket.destroy();
      this.#end(response.statusCode);
      return;
    }
    // node:http lets go of a socket that may be used again in a moment, and says so.
    socket.once('free', () => {
      if (this.#state !== state) return;
      this.#host.shelve(socket);
      this.#end(response.statusCode);
    });
  }

  #end(status: number | undefined): void {
    const sink = this.#sink;
    this.#pump?.stop();
    this.#finish({ kind: 'complete', status });
    sink.end();
  }

  /** The connection is lost, or what came on it is no HTTP. */
  #broke(cause: Error): void {
    const state = this.#state;
    if (state.kind === 'lingering') {
      this.#host.heard(this);
      this.#drop(ABANDONED);
    }
    if (state.kind !== 'running' && state.kind !== 'answering') return;
    const { wire } = state;
    if (state.kind === 'running' && wire.reused && wire.socket.bytesRead === wire.readBefore && this.#request.repeatable) {
      // The upstream had closed the kept connection when our request arrived: it never saw it. Not
      // a failed attempt.
      this.#pump?.stop();
      this.#dial();
    } else {
      const { failure, story } = breakage(cause, state.kind === 'answering', this.#request.maxHead);
      this.#fail(this.#error(failure, story, cause));
    }
  }

  #begun(): void {
    if (this.#sentAt !== undefined) this.#host.answered(this.#host.clock.now() - this.#sentAt);
  }

  #watch(): void {
    this.#timer.watch(this.#awaited());
  }

  #awaited(): ExchangeStage | undefined {
    const state = this.#state;
    if (state.kind === 'lingering') return 'linger';
    if (state.kind !== 'running' && state.kind !== 'answering') return undefined;
    // The client is what is waited for, and the pump has a limit for that.
    if (this.#pump?.state === 'source') return undefined;
    if (!state.wire.message.writableFinished) return 'send';
    return this.#paused ? undefined : 'read';
  }

  #timedOut(stage: ExchangeStage): void {
    if (stage === 'linger') {
      this.destroy();
      return;
    }
    const error = this.#timer.error(stage);
    this.#giveUp(error, { kind: 'failed', error });
  }

  /** The request ends here, but the upstream is probably still at it (invariant 2). */
  #giveUp(error: ProxyError, outcome: ExchangeOutcome): void {
    const sink = this.#sink;
    this.abandon(outcome);
    sink.failed(error);
  }

  #fail(error: ProxyError): void {
    const sink = this.#sink;
    this.#drop({ kind: 'failed', error });
    sink.failed(error);
  }

  /** Closes whatever is open. */
  #drop(outcome: ExchangeOutcome): void {
    const state = this.#state;
    if (state.kind === 'dialling') state.cancel();
    else if (state.kind === 'upgraded') state.socket.destroy();
    else if (state.kind !== 'gone') state.wire.socket.destroy();
    this.#pump?.stop();
    this.#finish(outcome);
  }

  #finish(outcome: ExchangeOutcome): void {
    if (this.#state.kind === 'gone') return;
    this.#state = { kind: 'gone' };
    this.#timer.cancel();
    this.#sink = IGNORE_HTTP_RESPONSE;
    this.#host.gone(this, outcome);
  }

  #error(code: FailureCode, message: string, cause?: Error): ProxyError {
    return new ProxyError(code, `${this.#host.name}: ${message}`, { upstream: this.#host.name, cause });
  }
}
