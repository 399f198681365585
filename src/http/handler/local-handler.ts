// The story of a client request that no upstream is asked about: answered by its route, or refused
// because it has none.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FailureCode, ProxyError } from '../../core/errors.ts';
import { FileSender } from '../local/file-sender.ts';
import type { FileAnswer, LocalAnswer } from '../local/local-answer.ts';
import { bodyFraming } from '../request/body.ts';
import { codedError } from '../request/coded-error.ts';
import type { RequestFacts } from '../request/variables.ts';
import { changedAnswer, changedHeaders, errorAnswer } from '../response/answer-rules.ts';
import { cutConnection, sendWhole } from '../response/error-page.ts';
import type { Refused, RoutedHere } from './routed.ts';
import { Trace } from './trace.ts';
import type { OpenRequest, TransactionContext } from './transaction-context.ts';

/**
 * Invariants:
 * 1. Exactly one answer is begun: `#begun` says whether.
 * 2. A file that the route has opened is closed on every path: by its sender, or here when the
 *    client has left before.
 */
export class LocalHandler implements OpenRequest {
  readonly #context: TransactionContext;
  readonly #routed: RoutedHere | Refused;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #method: string;
  readonly #trace: Trace;
  readonly #closed: (request: OpenRequest) => void;
  #begun = false;
  #isClosed = false;
  #bytes = 0;
  #sender: FileSender | undefined;

  /**
   * @param method as the client sent it
   * @param closed told once, when nothing of the request is left
   */
  constructor(
    context: TransactionContext,
    routed: RoutedHere | Refused,
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    closed: (request: OpenRequest) => void,
  ) {
    this.#context = context;
    this.#routed = routed;
    this.#request = request;
    this.#response = response;
    this.#method = method;
    this.#closed = closed;
    this.#trace = new Trace(context, request, method);
    response.on('close', () => this.close());
    // A write to a connection that has gone; `close` follows.
    response.on('error', () => undefined);
  }

  get socket(): Duplex {
    return this.#request.socket;
  }

  run(): void {
    const routed = this.#routed;
    if (routed.kind === 'refused') this.#refuse(routed.error, routed.allow);
    else void this.#answer(routed);
  }

  unreadable(reason: string): boolean {
    if (!this.#begun) this.#refuse(new ProxyError('FCGI_LB_REQUEST_BAD_SYNTAX', reason));
    return this.#sender === undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#response.writableFinished && this.#trace.failure === undefined) {
      this.#trace.failed(new ProxyError('FCGI_LB_CLIENT_GONE', 'the client left before its answer was complete'));
    }
    this.#sender?.destroy();
    const status = this.#response.headersSent ? this.#response.statusCode : undefined;
    const read = this.#routed.kind === 'refused' ? undefined : this.#routed;
    this.#trace.logAccess(this.#context.accessLog, status, this.#sender?.bytes ?? this.#bytes, this.#response, read);
    this.#closed(this);
  }

  async #answer({ route }: RoutedHere): Promise<void> {
    try {
      // What has a body that cannot be told from the next request is no request, whatever is
      // answered.
      bodyFraming(this.#request);
      const made = route.answer(this.#facts());
      const answer = made instanceof Promise ? await made : made;
      if (answer.kind === 'file') this.#sendFile(answer);
      else this.#sendWhole(answer);
    } catch (error) {
      this.#refuse(codedError(error));
    }
  }

  #sendWhole(answer: Extract<LocalAnswer, { kind: 'whole' }>): void {
    if (this.#begun || this.#isClosed) return;
    this.#begun = true;
    const changed = changedAnswer(this.#rules, answer, () => this.#facts());
    this.#bytes = sendWhole(this.#request, this.#response, changed, this.#context.clock);
  }

  #sendFile({ status, headers, file }: FileAnswer): void {
    if (this.#begun || this.#isClosed || this.#routed.kind !== 'local') {
      void file.handle.close().catch(() => undefined);
      return;
    }
    this.#begun = true;
    // A body that nobody will read to its end leaves the connection in no state for another
    // request.
    if (!this.#request.complete) this.#response.shouldKeepAlive = false;
    const changed = changedHeaders(this.#rules, headers, () => this.#facts());
    this.#response.writeHead(status, [...changed, 'Content-Length', String(file.length)]);
    if (this.#method === 'HEAD') {
      void file.handle.close().catch(() => undefined);
      this.#response.end();
      return;
    }
    this.#sender = new FileSender(this.#response, file, this.#routed.route.sendTimeout, this.#context.clock, {
      stalled: () => this.#breakOff('FCGI_LB_CLIENT_STALLED', 'the client took nothing of a file for too long'),
      failed: (reason) => this.#breakOff('FCGI_LB_FILE_FAILED', reason),
    });
  }

  /** Part of the answer is out and the rest will not come: the client must see that. */
  #breakOff(code: FailureCode, message: string): void {
    const error = new ProxyError(code, message);
    this.#trace.failed(error);
    this.#trace.logFailure(this.#context.log, error);
    cutConnection(this.#response);
  }

  #refuse(error: ProxyError, allow?: ReadonlySet<string>): void {
    if (this.#begun || this.#isClosed) return;
    this.#begun = true;
    this.#trace.failed(error);
    this.#trace.logFailure(this.#context.log, error);
    const page = errorAnswer(this.#rules, error, () => this.#facts(), allow);
    this.#bytes = sendWhole(this.#request, this.#response, page, this.#context.clock);
  }

  get #rules() {
    return this.#routed.kind === 'local' ? this.#routed.route.answerRules : undefined;
  }

  #facts(): RequestFacts {
    if (this.#routed.kind !== 'local') throw new Error('nothing is known of a request that was refused');
    const { target, headers } = this.#routed;
    const { httpVersion } = this.#request;
    const length = this.#request.headers['content-length'];
    const bodyLength = length === undefined ? undefined : Number(length);
    const { requestId, peer: socket } = this.#trace;
    return { method: this.#method, protocol: `HTTP/${httpVersion}`, target, headers, bodyLength, socket, requestId };
  }
}
