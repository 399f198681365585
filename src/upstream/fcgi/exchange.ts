// One FastCGI request on an upstream, from dialling to the moment its slot is free again.

import type { Clock } from '../../core/clock.ts';
import type { Indexed } from '../../core/dense-set.ts';
import { type FailureCode, ProxyError } from '../../core/errors.ts';
import { RecordDecoder, RecordError, type RecordSink } from '../../fcgi/decode.ts';
import { abortRequest, addressHead, stdinEnd, stdinFrame } from '../../fcgi/encode.ts';
import { BodyPump, stdinTarget } from '../transport/body-pump.ts';
import type { Connection, ConnectionUser } from '../transport/connection.ts';
import type { DialResult } from '../transport/dial.ts';
import {
  type ExchangeOutcome,
  type ExchangeSink,
  type ExchangeTimeouts,
  type FcgiRequest,
  IGNORE_RESPONSE,
} from '../transport/request.ts';
import { type ExchangeStage, StageTimer } from '../transport/stage-timer.ts';
import type { CapacityAnswer } from './capacity-query.ts';
import { refusalOf } from './refusal.ts';
import { StderrLines, type WorkerLog } from './worker-log.ts';

/** What an exchange needs of its upstream. */
export interface FcgiExchangeHost {
  readonly name: string;
  readonly clock: Clock;
  readonly workerLog: WorkerLog;
  /** Those that hold now. */
  timeouts(): ExchangeTimeouts;
  /**
   * Whether to ask the worker to keep the connection: somebody may be waiting for it when this
   * exchange is through.
   */
  keepsConnections(): boolean;
  /**
   * True when no limit of exchanges is known, so that an abandoned one protects nothing by
   * lingering.
   */
  unlimited(): boolean;
  dial(result: DialResult): () => void;
  /**
   * Asks for the capacity on a fresh connection if it is not known yet; returns undefined when it
   * is.
   */
  askCapacity(connection: Connection, done: (answer: CapacityAnswer) => void): (() => void) | undefined;
  /** The answer has begun, so many ms after the request was written. */
  answered(ms: number): void;
  /**
   * A connection taken over from an earlier exchange was closed before any answer, so that a fresh
   * one is dialled.
   */
  wasStale(): void;
  /** Takes a connection that can carry another request. */
  shelve(connection: Connection): void;
  /**
   * Nobody wants the answer any more, but the worker is still at it: `gone` follows when it is
   * done.
   */
  gaveUp(exchange: FcgiExchange, outcome: ExchangeOutcome): void;
  /** The worker has sent something, or has closed, after it was given up. */
  heard(exchange: FcgiExchange): void;
  /** The exchange is over: its slot is to be freed. Called exactly once. */
  gone(exchange: FcgiExchange, outcome: ExchangeOutcome): void;
}

type State =
  | { readonly kind: 'dialling'; readonly cancel: () => void }
  | { readonly kind: 'asking'; readonly cancel: () => void }
  | { readonly kind: 'running'; readonly connection: Connection; readonly reused: boolean }
  | { readonly kind: 'lingering'; readonly connection: Connection }
  | { readonly kind: 'gone' };

const NO_STATE: State = { kind: 'gone' };

/**
 * Invariants:
 * 1. `host.gone` is called exactly once, on every path, and before the sink hears `end` or
 *    `failed`, so that the slot is free (and a failing upstream known as such) when the next
 *    decision is made.
 * 2. The slot is held until END_REQUEST or until the worker closes, not until the client leaves: a
 *    single-request worker that still computes would make the next request wait unseen (fact 4).
 *    One that goes on writing is cut off.
 * 3. The answer is read while the body is written; neither direction buffers more than a socket's
 *    high-water mark.
 */
export class FcgiExchange implements ConnectionUser, RecordSink, Indexed {
  /** Among the exchanges of its upstream. */
  index = -1;
  readonly #host: FcgiExchangeHost;
  readonly #request: FcgiRequest;
  #sink: ExchangeSink;
  #state: State = NO_STATE;
  #decoder: RecordDecoder | undefined;
  /** Whether the worker was asked to keep the connection. */
  #kept = false;
  #pump: BodyPump | undefined;
  readonly #timer: StageTimer;
  #stderr: StderrLines | undefined;
  /** Until the answer begins: when the request was written. */
  #sentAt: number | undefined;
  #answered = false;
  /** Output has come: whatever the worker says afterwards, it has begun the request. */
  #begun = false;
  #paused = false;
  #status: number | undefined;
  #ended: { readonly appStatus: number; readonly protocolStatus: number } | undefined;

  constructor(host: FcgiExchangeHost, request: FcgiRequest, sink: ExchangeSink) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#timer = new StageTimer(host, (stage) => this.#timedOut(stage));
  }

  /** @param idle a kept connection to use instead of a fresh one */
  start(idle: Connection | undefined): void {
    if (idle === undefined) this.#dial();
    else this.#run(idle, true);
  }

  /** What the answer says of itself, once somebody has read its head. */
  statusIs(status: number): void {
    this.#status = status;
  }

  /** The client cannot take more: read no further until `resume`. */
  pause(): void {
    if (this.#state.kind !== 'running' || this.#paused) return;
    this.#paused = true;
    this.#state.connection.pause();
    this.#watch();
  }

  resume(): void {
    if (this.#state.kind !== 'running' || !this.#paused) return;
    this.#paused = false;
    this.#state.connection.resume();
    this.#watch();
  }

  /**
   * Nobody wants the answer any more; the sink hears nothing from now on. The worker is told, and
   * the slot is held until it is done, unless the upstream takes any number of exchanges: then the
   * socket is destroyed, which is what makes php-fpm stop (fact 4).
   */
  abandon(outcome: ExchangeOutcome): void {
    this.#sink = IGNORE_RESPONSE;
    const state = this.#state;
    if (state.kind === 'dialling' || state.kind === 'asking') {
      state.cancel();
      this.#finish(outcome);
    } else if (state.kind === 'running') {
      this.#pump?.stop();
      if (this.#host.unlimited()) {
        state.connection.destroy();
        this.#finish(outcome);
        return;
      }
      state.connection.write(abortRequest(state.connection.requestId));
      state.connection.endWrites();
      state.connection.resume();
      this.#paused = false;
      this.#state = { kind: 'lingering', connection: state.connection };
      this.#watch();
      this.#host.gaveUp(this, outcome);
    }
  }

  /** Ends now, whatever the worker does: the program is going away. */
  destroy(): void {
    this.#sink = IGNORE_RESPONSE;
    if (this.#state.kind === 'lingering' || this.#state.kind === 'running') this.#drop(this.#state.connection);
    else this.abandon(ABANDONED);
  }

  data(chunk: Buffer): void {
    const before = this.#state;
    if (before.kind !== 'running' && before.kind !== 'lingering') return;
    if (before.kind === 'lingering') this.#host.heard(this);
    this.#answered = true;
    try {
      this.#decoder?.write(chunk);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      this.#fail(this.#error('FCGI_LB_UPSTREAM_BAD_RECORD', `broke the FastCGI protocol: ${error.message}`));
      return;
    }
    // The sink may have abandoned the exchange meanwhile.
    const state = this.#state;
    if (state.kind !== 'running' && state.kind !== 'lingering') return;
    if (this.#ended !== undefined) this.#complete(state.connection, this.#ended);
    else this.#watch();
  }

  drained(): void {
    this.#pump?.drained();
    this.#watch();
  }

  closed(cause: Error | undefined): void {
    const state = this.#state;
    if (state.kind === 'lingering') {
      this.#host.heard(this);
      this.#finish(ABANDONED);
      return;
    }
    if (state.kind !== 'running') return;
    if (state.reused && !this.#answered && this.#request.repeatable) {
      // The worker had closed the kept connection when our request arrived: it never saw it. Not a
      // failed attempt.
      this.#pump?.stop();
      this.#host.wasStale();
      this.#dial();
      return;
    }
    const how = cause === undefined ? 'closed the connection' : `connection lost (${cause.message})`;
    this.#fail(this.#error('FCGI_LB_UPSTREAM_CLOSED', `${how} before the end of its answer; did the worker die?`, cause));
  }

  stdout(bytes: Buffer): void {
    if (this.#sentAt !== undefined) {
      this.#host.answered(this.#host.clock.now() - this.#sentAt);
      this.#sentAt = undefined;
    }
    this.#begun = true;
    // STDERR is no such sign: a worker that logs may well compute.
    if (this.#state.kind === 'lingering') this.#timer.wroteAbandoned();
    this.#sink.stdout(bytes);
  }

  stderr(bytes: Buffer): void {
    this.#stderr ??= new StderrLines(this.#host.workerLog, this.#request.name);
    this.#stderr.write(bytes);
  }

  end(appStatus: number, protocolStatus: number): void {
    this.#ended = { appStatus, protocolStatus };
  }

  /** A late answer to a question that timed out. */
  values(): void {}

  #dial(): void {
    const cancel = this.#host.dial({
      connected: (connection) => {
        const cancelAsking = this.#host.askCapacity(connection, ({ usable }) => {
          if (usable) this.#run(connection, false);
          else this.#dial();
        });
        if (cancelAsking === undefined) this.#run(connection, false);
        else this.#state = { kind: 'asking', cancel: cancelAsking };
      },
      failed: (error) => this.#fail(error),
    });
    this.#state = { kind: 'dialling', cancel };
  }

  #run(connection: Connection, reused: boolean): void {
    const { head, body } = this.#request;
    this.#state = { kind: 'running', connection, reused };
    connection.use(this);
    this.#kept = this.#host.keepsConnections();
    const requestId = connection.nextRequestId();
    this.#decoder = new RecordDecoder(this, requestId);
    addressHead(head, requestId, this.#kept);
    this.#sentAt = this.#host.clock.now();
    this.#sink.sent();
    if (body.kind === 'bytes') {
      const { header, padding } = stdinFrame(requestId, body.bytes.length);
      connection.write(head, header, body.bytes, padding, stdinEnd(requestId));
    } else {
      connection.write(head);
      if (body.kind === 'stream') {
        this.#pump = new BodyPump(stdinTarget(connection), body, this.#host.clock, {
          changed: () => this.#watch(),
          failed: (error) => this.#giveUp(error, ABANDONED),
        });
      }
    }
    this.#watch();
  }

  /** END_REQUEST has come. */
  #complete(connection: Connection, end: { readonly appStatus: number; readonly protocolStatus: number }): void {
    const refusal = refusalOf(end.protocolStatus, this.#begun);
    if (refusal !== undefined) {
      this.#fail(this.#error(refusal.code, refusal.message));
      return;
    }
    const lingering = this.#state.kind === 'lingering';
    const bodySent = this.#pump === undefined || this.#pump.state === 'done';
    if (this.#kept && !lingering && bodySent && this.#decoder?.clean && !connection.writeBroken && !connection.blocked) {
      this.#host.shelve(connection);
    } else {
      // At once: libfcgi waits up to 2 s for our side to close before it takes the next request
      // (fact 11).
      connection.destroy();
    }
    const sink = this.#sink;
    this.#finish(lingering ? ABANDONED : { kind: 'complete', status: this.#status });
    sink.end(end.appStatus);
  }

  #watch(): void {
    this.#timer.watch(this.#awaited());
  }

  #awaited(): ExchangeStage | undefined {
    const state = this.#state;
    if (state.kind === 'lingering') return 'linger';
    if (state.kind !== 'running') return undefined;
    // The client is what is waited for, and the pump has a limit for that.
    if (this.#pump?.state === 'source') return undefined;
    if (this.#pump?.state === 'worker' || state.connection.blocked) return 'send';
    return this.#paused ? undefined : 'read';
  }

  #timedOut(stage: ExchangeStage): void {
    const state = this.#state;
    if (state.kind === 'lingering') {
      this.#drop(state.connection);
    } else if (state.kind === 'running' && stage !== 'linger') {
      const error = this.#timer.error(stage);
      this.#giveUp(error, { kind: 'failed', error });
    }
  }

  /**
   * The request ends here, but the worker is probably still at it: its slot stays taken while it is
   * (invariant 2).
   */
  #giveUp(error: ProxyError, outcome: ExchangeOutcome): void {
    const sink = this.#sink;
    this.abandon(outcome);
    sink.failed(error);
  }

  #drop(connection: Connection): void {
    connection.destroy();
    this.#pump?.stop();
    this.#finish(ABANDONED);
  }

  #fail(error: ProxyError): void {
    const state = this.#state;
    if (state.kind === 'running' || state.kind === 'lingering') state.connection.destroy();
    this.#pump?.stop();
    const sink = this.#sink;
    this.#finish(state.kind === 'lingering' ? ABANDONED : { kind: 'failed', error });
    sink.failed(error);
  }

  #finish(outcome: ExchangeOutcome): void {
    if (this.#state.kind === 'gone') return;
    this.#state = { kind: 'gone' };
    this.#timer.cancel();
    this.#pump?.endIdleLimit();
    this.#sink = IGNORE_RESPONSE;
    this.#stderr?.flush();
    this.#host.gone(this, outcome);
  }

  #error(code: FailureCode, message: string, cause?: Error): ProxyError {
    return new ProxyError(code, `${this.#host.name}: ${message}`, { upstream: this.#host.name, cause });
  }
}

/** Also what an exchange ends with whose outcome was told when it was given up. */
const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };
