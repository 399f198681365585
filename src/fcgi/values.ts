// FCGI_GET_VALUES (specification 4.1): the question a front end may ask a worker about its
// capacity, and the answer.

import { HEADER_LENGTH, MANAGEMENT_ID, TYPE, writeHeader } from './protocol.ts';

const MAX_CONNS = 'FCGI_MAX_CONNS';
const PADDING = 8;

/**
 * The record that asks for FCGI_MAX_CONNS. It carries padding because libfcgi reads on past a
 * record without any and then hangs until more bytes come (measured on libfcgi 2.4.2 and FCGI.pm
 * 0.82).
 */
export function encodeGetMaxConns(): Buffer {
  const contentLength = 2 + MAX_CONNS.length;
  const record = Buffer.alloc(HEADER_LENGTH + contentLength + PADDING);
  writeHeader(record, 0, TYPE.GET_VALUES, MANAGEMENT_ID, contentLength, PADDING);
  record[HEADER_LENGTH] = MAX_CONNS.length;
  record.write(MAX_CONNS, HEADER_LENGTH + 2, 'latin1');
  return record;
}

/**
 * FCGI_MAX_CONNS out of an answer: a whole number of at least 1, or undefined when the worker did
 * not say.
 */
export function maxConnsOf(values: ReadonlyMap<string, string>): number | undefined {
  const text = values.get(MAX_CONNS);
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= 1 ? number : undefined;
}

/**
 * The name-value pairs of a record (specification 3.4), as latin1 strings; undefined when a length
 * runs past the end.
 */
export function parsePairs(bytes: Buffer): Map<string, string> | undefined {
  const pairs = new Map<string, string>();
  let at = 0;
  const readLength = (): number => {
    const first = bytes[at];
    if (first === undefined) return Number.NaN;
    if (first < 0x80) {
      at += 1;
      return first;
    }
    if (at + 4 > bytes.length) return Number.NaN;
    const length = bytes.readUInt32BE(at) - 0x8000_0000;
    at += 4;
    return length;
  };
  while (at < bytes.length) {
    const nameLength = readLength();
    const valueLength = readLength();
    const end = at + nameLength + valueLength;
    if (!(end <= bytes.length)) return undefined;
    pairs.set(bytes.toString('latin1', at, at + nameLength), bytes.toString('latin1', at + nameLength, end));
    at = end;
  }
  return pairs;
}
