// The operations on bytes that `micro` times: records in, parameters out, heads both ways.

import { Socket } from 'node:net';
import type { RecordSink } from '../../src/fcgi/decode.ts';
import type { Parts } from './product.ts';
import { BROWSER_HEADERS } from './wrk.ts';

export interface CodecOperation {
  readonly name: string;
  readonly operation: (times: number) => number;
  /** Bytes that one operation handles, where a rate says more than a time. */
  readonly bytes?: number;
}

const STDOUT = 6;
const TARGET = '/Ticket/Display.html?id=4711&results=8a6e';
const HEAD = [
  'Status: 200 OK',
  'Content-Type: text/html; charset=utf-8',
  'Cache-Control: no-cache, max-age=0',
  'Pragma: no-cache',
  'X-Frame-Options: DENY',
  'Set-Cookie: RT_SID_example.443=5b0d3f1f2a6c4e0f9a7d8c6b5a493827; path=/; HttpOnly',
  'Date: Sun, 06 Nov 1994 08:49:37 GMT',
].join('\r\n');

export function codecOperations(parts: Parts): readonly CodecOperation[] {
  const head = Buffer.from(`${HEAD}\r\n\r\n<!doctype html>`);
  return [
    decoding(parts, 'decode 65,528-byte records, 64 KiB reads', 65_528),
    decoding(parts, 'decode 8,184-byte records (libfcgi), 64 KiB reads', 8184),
    decoding(parts, 'decode 56-byte records, 64 KiB reads', 56),
    reading(parts),
    encoding(parts),
    {
      name: 'read and interpret a response head of 7 fields',
      operation: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i += 1) {
          const read = new parts.CgiHeadReader(65_536).push(head);
          const meaning = parts.interpretHead(read?.fields ?? []);
          sum += meaning.kind === 'document' ? meaning.status : 0;
        }
        return sum;
      },
    },
  ];
}

/** One operation is one read from a socket, which may begin and end anywhere in a record. */
function decoding({ RecordDecoder }: Parts, name: string, content: number): CodecOperation {
  const header = Buffer.from([1, STDOUT, 0, 1, content >> 8, content & 255, -content & 7, 0]);
  const record = Buffer.concat([header, Buffer.alloc(content, 'x'), Buffer.alloc(-content & 7)]);
  const stream = Buffer.concat(Array.from({ length: Math.ceil((64 * 65_536) / record.length) }, () => record));
  let sum = 0;
  const sink: RecordSink = {
    stdout: (bytes) => {
      sum += bytes.length;
    },
    stderr: () => undefined,
    end: () => undefined,
    values: () => undefined,
  };
  const decoder = new RecordDecoder(sink);
  // A whole number of records, so that the stream can be read round and round.
  const reads: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 65_536) reads.push(stream.subarray(at, at + 65_536));
  let next = 0;
  return {
    name,
    bytes: stream.length / reads.length,
    operation: (times) => {
      for (let i = 0; i < times; i += 1) {
        const read = reads[next];
        if (read !== undefined) decoder.write(read);
        next = (next + 1) % reads.length;
      }
      return sum;
    },
  };
}

function reading({ HeaderReader }: Parts): CodecOperation {
  const reader = new HeaderReader();
  const raw = rawHeaders();
  return {
    name: `read ${raw.length / 2} request header fields`,
    operation: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i += 1) sum += reader.read(raw).names.length;
      return sum;
    },
  };
}

function encoding({ CgiParams, HeaderReader, parseTarget }: Parts): CodecOperation {
  const params = new CgiParams({ mode: { kind: 'application', root: undefined }, params: new Map(), software: 'fcgi-lb/bench' });
  const request = {
    method: 'GET',
    protocol: 'HTTP/1.1',
    target: parseTarget(TARGET),
    headers: new HeaderReader().read(rawHeaders()),
    bodyLength: undefined,
    socket: new Socket(),
  };
  return {
    name: "encode a browser's GET as BEGIN_REQUEST and PARAMS",
    operation: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i += 1) sum += params.encode(request).length;
      return sum;
    },
  };
}

function rawHeaders(): string[] {
  return [['Host', 'tickets.example.org'], ...BROWSER_HEADERS, ['Connection', 'keep-alive']].flat();
}
