// A FastCGI server of its own making, for tests, benchmarks and the demo: reads requests with a
// parser that shares no code with the product's, and lets a handler answer record by record,
// rightly or wrongly.

import { createServer, type Server, type Socket } from 'node:net';

export interface SeenRequest {
  readonly id: number;
  readonly keepConn: boolean;
  /** Byte strings, in the order in which they came. */
  readonly params: ReadonlyMap<string, string>;
  /** Lengths of the PARAMS records' contents, the closing empty one included. */
  readonly paramsRecords: readonly number[];
  /**
   * What of the body had come when the handler was called: all of it, unless the handler is called
   * early.
   */
  readonly body: Buffer;
}

export interface Reply {
  readonly socket: Socket;
  readonly request: SeenRequest;
  stdout(data: string | Buffer, options?: { readonly padding?: number; readonly recordSize?: number }): void;
  stderr(data: string | Buffer): void;
  /** END_REQUEST; the connection is closed afterwards unless the request asked to keep it. */
  end(options?: { readonly appStatus?: number; readonly protocolStatus?: number }): void;
  /** Any bytes at all. */
  raw(bytes: Buffer): void;
  /** Resolves when the front end has closed the connection. */
  readonly closed: Promise<void>;
  /** Whether ABORT_REQUEST has come. */
  readonly aborted: () => boolean;
}

export type Handler = (reply: Reply) => void | Promise<void>;

export interface FastCgiServerOptions {
  /** `headers`: call the handler when PARAMS are complete, not only when STDIN is. */
  readonly callAt?: 'headers' | 'body';
  /**
   * FCGI_GET_VALUES: what FCGI_MAX_CONNS to answer; `none`: an answer without it (php-fpm); `hang`:
   * no answer.
   */
  readonly maxConns?: number | 'none' | 'hang';
  /**
   * Serve one connection after the other, as a single-request process does; the others wait unread.
   */
  readonly single?: boolean;
}

export interface FastCgiServer {
  readonly server: Server;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** GET_VALUES records seen so far. */
  readonly questions: () => number;
  /** Ends listening and cuts every connection. */
  close(): Promise<void>;
}

const BEGIN_REQUEST = 1;
const ABORT_REQUEST = 2;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const STDERR = 7;
const GET_VALUES = 9;
const GET_VALUES_RESULT = 10;

/** One record with any header fields, right or wrong. */
export function record(
  type: number,
  content: Buffer | string,
  { id = 1, version = 1, padding = 0 }: { id?: number; version?: number; padding?: number } = {},
): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const header = Buffer.from([version, type, id >> 8, id & 255, body.length >> 8, body.length & 255, padding, 0]);
  return Buffer.concat([header, body, Buffer.alloc(padding, 0xaa)]);
}

export function stdoutRecord(data: string | Buffer, padding = 0, id = 1): Buffer {
  return record(STDOUT, data, { padding, id });
}

export function endRecord(appStatus = 0, protocolStatus = 0, id = 1): Buffer {
  const content = Buffer.alloc(8);
  content.writeUInt32BE(appStatus >>> 0, 0);
  content[4] = protocolStatus;
  return record(END_REQUEST, content, { id });
}

export async function listenFastCgi(
  path: string | { readonly fd: number },
  handler: Handler,
  options: FastCgiServerOptions = {},
): Promise<FastCgiServer> {
  const sockets = new Set<Socket>();
  const line: Socket[] = [];
  let accepted = 0;
  let questions = 0;
  let busy = false;
  const next = (): void => {
    busy = false;
    const socket = line.shift();
    if (socket !== undefined) serve(socket);
  };
  const serve = (socket: Socket): void => {
    if (socket.destroyed) {
      next();
      return;
    }
    busy = true;
    if (options.single) socket.once('close', next);
    serveConnection(socket, handler, options, () => {
      questions += 1;
    });
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (options.single && busy) line.push(socket);
    else serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (typeof path === 'string') server.listen({ path, backlog: 511 }, () => resolve());
    else server.listen(path, () => resolve());
  });
  return {
    server,
    connections: () => accepted,
    questions: () => questions,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serveConnection(socket: Socket, handler: Handler, options: FastCgiServerOptions, asked: () => void): void {
  let pending: Buffer = Buffer.alloc(0);
  let current:
    | { id: number; keepConn: boolean; params: Buffer[]; sizes: number[]; body: Buffer[]; aborted: boolean; called: boolean }
    | undefined;
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('end', () => resolve());
  });

  const call = (): void => {
    if (current === undefined || current.called) return;
    current.called = true;
    const state = current;
    const request: SeenRequest = {
      id: state.id,
      keepConn: state.keepConn,
      params: parsePairs(Buffer.concat(state.params)),
      paramsRecords: state.sizes,
      get body() {
        return Buffer.concat(state.body);
      },
    };
    const reply: Reply = {
      socket,
      request,
      closed,
      aborted: () => state.aborted,
      raw: (bytes) => void socket.write(bytes),
      stdout: (data, { padding = 0, recordSize = 65_535 } = {}) => {
        const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
        for (let at = 0; at < bytes.length; at += recordSize)
          socket.write(stdoutRecord(bytes.subarray(at, at + recordSize), padding, state.id));
      },
      stderr: (data) => void socket.write(record(STDERR, data, { id: state.id })),
      end: ({ appStatus = 0, protocolStatus = 0 } = {}) => {
        if (current === state) current = undefined;
        socket.write(endRecord(appStatus, protocolStatus, state.id));
        if (!state.keepConn || socket.readableEnded) socket.end();
      },
    };
    Promise.resolve()
      .then(() => handler(reply))
      .catch((error: unknown) => {
        process.stderr.write(`fastcgi server: handler failed: ${String(error)}\n`);
        socket.destroy();
      });
  };

  const take = (type: number, id: number, content: Buffer): void => {
    switch (type) {
      case BEGIN_REQUEST:
        current = { id, keepConn: ((content[2] ?? 0) & 1) === 1, params: [], sizes: [], body: [], aborted: false, called: false };
        break;
      case PARAMS:
        current?.sizes.push(content.length);
        if (content.length > 0) current?.params.push(content);
        else if (options.callAt === 'headers') call();
        break;
      case STDIN:
        if (content.length > 0) current?.body.push(content);
        else call();
        break;
      case ABORT_REQUEST:
        if (current !== undefined) current.aborted = true;
        break;
      case GET_VALUES: {
        asked();
        const { maxConns = 'hang' } = options;
        if (maxConns === 'hang') break;
        const name = 'FCGI_MAX_CONNS';
        const value = String(maxConns);
        const pair = maxConns === 'none' ? '' : `${String.fromCharCode(name.length, value.length)}${name}${value}`;
        socket.write(record(GET_VALUES_RESULT, pair, { id: 0 }));
        break;
      }
      default:
        break;
    }
  };

  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      if (pending.length < 8) return;
      const contentLength = pending.readUInt16BE(4);
      const whole = 8 + contentLength + (pending[6] ?? 0);
      if (pending.length < whole) return;
      const content = Buffer.from(pending.subarray(8, 8 + contentLength));
      const type = pending[1] ?? 0;
      const id = pending.readUInt16BE(2);
      pending = pending.subarray(whole);
      take(type, id, content);
    }
  });
  socket.on('end', () => {
    if (current === undefined) socket.end();
  });
  socket.resume();
}

function parsePairs(bytes: Buffer): Map<string, string> {
  const pairs = new Map<string, string>();
  let at = 0;
  const length = (): number => {
    const first = bytes[at] ?? 0;
    const long = first >= 128;
    const value = long ? bytes.readUInt32BE(at) & 0x7fffffff : first;
    at += long ? 4 : 1;
    return value;
  };
  while (at < bytes.length) {
    const nameLength = length();
    const valueLength = length();
    const name = bytes.toString('latin1', at, at + nameLength);
    pairs.set(name, bytes.toString('latin1', at + nameLength, at + nameLength + valueLength));
    at += nameLength + valueLength;
  }
  return pairs;
}
