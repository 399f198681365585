// RequestEncoder against a reader of its own: everything arrives, and every byte on the way is as
// the specification has it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  abortRequest,
  addressHead,
  encodePairs,
  ParamsTooLargeError,
  RequestEncoder,
  stdinEnd,
  stdinFrame,
} from '../../src/fcgi/encode.ts';
import { encodeGetMaxConns } from '../../src/fcgi/values.ts';
import { byteString } from '../support/fuzz/arbitraries.ts';
import { type Pair, readPairs, readRecords, type WireRecord, writePairs } from '../support/fuzz/wire.ts';

const BEGIN_REQUEST = 1;
const ABORT_REQUEST = 2;
const PARAMS = 4;
const STDIN = 5;
const GET_VALUES = 9;

function encode(encoder: RequestEncoder, pairs: readonly Pair[], emptyBody = true): Buffer {
  encoder.begin();
  for (const [name, value] of pairs) encoder.add(name, value);
  return encoder.finish(emptyBody);
}

/** The pairs of a request head, after every rule about its records has been checked. */
function check(head: Buffer, emptyBody: boolean): readonly Pair[] {
  const records = readRecords(head);
  for (const record of records) expectWellFormed(record);
  expect(records[0]).toMatchObject({ type: BEGIN_REQUEST, content: Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]) });
  const types = records.map(({ type, content }) => `${type}${content.length === 0 ? ' empty' : ''}`);
  const full = types.filter((type) => type === `${PARAMS}`);
  expect(types).toEqual([`${BEGIN_REQUEST}`, ...full, `${PARAMS} empty`, ...(emptyBody ? [`${STDIN} empty`] : [])]);
  // Each record is read by itself: a pair that spans two would be cut off.
  return records.slice(1).flatMap(({ content }) => (content.length === 0 ? [] : readPairs(content)));
}

function expectWellFormed({ version, id, padding, reserved, content }: WireRecord): void {
  expect({ version, id, reserved }).toEqual({ version: 1, id: 1, reserved: 0 });
  expect(padding.equals(Buffer.alloc(padding.length))).toBe(true);
  expect((content.length + padding.length) % 8).toBe(0);
}

const name = fc.oneof({ weight: 8, arbitrary: byteString(30) }, { weight: 1, arbitrary: byteString(200, 120) });
const value = fc.oneof(
  { weight: 10, arbitrary: byteString(60) },
  { weight: 2, arbitrary: byteString(300, 100) },
  { weight: 1, arbitrary: fc.integer({ min: 30_000, max: 65_000 }).map((length) => '\xff'.repeat(length)) },
);
const pair = fc.tuple(name, value);

describe('RequestEncoder', () => {
  it('brings every parameter across, in order, in records that keep every rule, request after request', () => {
    const request = fc.record({ pairs: fc.array(pair, { maxLength: 25 }), emptyBody: fc.boolean() });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), (requests) => {
        const encoder = new RequestEncoder(16 * 1024 * 1024);
        for (const { pairs, emptyBody } of requests) expect(check(encode(encoder, pairs, emptyBody), emptyBody)).toEqual(pairs);
      }),
      { numRuns: 150 },
    );
  });

  it('takes pairs that were encoded beforehand for pairs like any other', () => {
    const list = fc.array(pair, { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), list), { maxLength: 6 }), (parts) => {
        const encoder = new RequestEncoder(16 * 1024 * 1024);
        encoder.begin();
        for (const [beforehand, pairs] of parts) {
          if (beforehand) encoder.addEncoded(encodePairs(pairs));
          else for (const [name, value] of pairs) encoder.add(name, value);
        }
        expect(check(encoder.finish(true), true)).toEqual(parts.flatMap(([, pairs]) => pairs));
      }),
      { numRuns: 100 },
    );
  });

  const LENGTHS: ReadonlyArray<readonly [length: number, encoded: readonly number[]]> = [
    [0, [0]],
    [1, [1]],
    [127, [127]],
    [128, [0x80, 0, 0, 128]],
    [255, [0x80, 0, 0, 255]],
    [65_000, [0x80, 0, 0xfd, 0xe8]],
  ];

  it.each(LENGTHS)('writes a length of %i as the specification does, for values and for names', (length, encoded) => {
    const long = 'v'.repeat(length);
    for (const [name, value, lengths] of [
      ['N', long, [1, ...encoded]],
      [long, 'V', [...encoded, 1]],
    ] as const) {
      const content = Buffer.concat([Buffer.from(lengths), Buffer.from(name + value)]);
      const padding = Buffer.alloc((8 - (content.length % 8)) % 8);
      const expected = Buffer.concat([
        Buffer.from([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        Buffer.from([1, 4, 0, 1, content.length >> 8, content.length & 255, padding.length, 0]),
        content,
        padding,
        Buffer.from([1, 4, 0, 1, 0, 0, 0, 0]),
        Buffer.from([1, 5, 0, 1, 0, 0, 0, 0]),
      ]);
      expect(encode(new RequestEncoder(), [[name, value]]).equals(expected)).toBe(true);
    }
  });

  it('writes zeros for padding and reserved bytes where earlier requests had written other bytes', () => {
    const encoder = new RequestEncoder();
    for (let length = 0; length < 300; length += 1) {
      encode(encoder, [['\xff'.repeat(200), '\xff'.repeat(8000)]]);
      const pairs: readonly Pair[] = [['A', 'a'.repeat(length)]];
      expect(check(encode(encoder, pairs), true)).toEqual(pairs);
    }
  });

  it('fills a record to its last byte, and begins another for the pair that does not fit', () => {
    // 2 lengths of 1 and 4 bytes, a name of 1: 6 bytes beside the value.
    const largest = 'v'.repeat(65_535 - 6);
    const sizes = (pairs: readonly Pair[]): readonly number[] =>
      readRecords(encode(new RequestEncoder(), pairs)).flatMap(({ type, content }) => (type === PARAMS ? [content.length] : []));
    expect(sizes([['N', largest]])).toEqual([65_535, 0]);
    // 65,528 and 7 bytes fill the record exactly; one more does not fit.
    expect(
      sizes([
        ['N', largest.slice(7)],
        ['abc', 'de'],
      ]),
    ).toEqual([65_535, 0]);
    expect(
      sizes([
        ['N', largest.slice(7)],
        ['abc', 'def'],
      ]),
    ).toEqual([65_528, 8, 0]);
    expect(
      sizes([
        ['a', 'b'],
        ['N', largest],
        ['c', 'd'],
      ]),
    ).toEqual([4, 65_535, 4, 0]);
    expect(sizes([])).toEqual([0]);
  });

  it('refuses a pair that no record holds, and works on', () => {
    const encoder = new RequestEncoder();
    const tooLong = 'v'.repeat(65_536 - 6);
    encoder.begin();
    encoder.add('A', 'a');
    expect(() => encoder.add('N', tooLong)).toThrow(ParamsTooLargeError);
    encoder.begin();
    expect(() => encoder.add(tooLong, 'N')).toThrow(ParamsTooLargeError);
    expect(check(encode(encoder, [['B', 'b']]), true)).toEqual([['B', 'b']]);
  });

  it('refuses parameters that pass the limit together, and works on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 200_000 }),
        fc.array(pair, { maxLength: 12 }),
        fc.boolean(),
        (limit, pairs, beforehand) => {
          const encoder = new RequestEncoder(limit);
          const add = (list: readonly Pair[]): void => {
            encoder.begin();
            for (const [name, value] of list) {
              if (beforehand) encoder.addEncoded(encodePairs([[name, value]]));
              else encoder.add(name, value);
            }
          };
          const size = writePairs(pairs).length;
          let refused: unknown;
          try {
            add(pairs);
          } catch (error) {
            refused = error;
          }
          // Record headers and padding may count or not; the parameters themselves do.
          if (size > limit) expect(refused).toBeInstanceOf(ParamsTooLargeError);
          else if (size + 24 + pairs.length * 15 <= limit) expect(refused).toBeUndefined();
          add([['A', 'a']]);
          expect(check(encoder.finish(true), true)).toEqual([['A', 'a']]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives heads away for good: a later request does not change an earlier one', () => {
    const encoder = new RequestEncoder();
    const first = encode(encoder, [['A', 'first']]);
    const copy = Buffer.from(first);
    encode(encoder, [['A', 'other']]);
    expect(first.equals(copy)).toBe(true);
  });

  it('asks to keep the connection with one bit, which can be taken back', () => {
    const head = encode(new RequestEncoder(), [['A', 'a']]);
    const before = Buffer.from(head);
    addressHead(head, 1, true);
    expect(readRecords(head)[0]?.content).toEqual(Buffer.from([0, 1, 1, 0, 0, 0, 0, 0]));
    addressHead(head, 1, false);
    expect(head.equals(before)).toBe(true);
  });

  it('takes the request id of the connection it goes over, in every record and nowhere else', () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 10 }), fc.integer({ min: 1, max: 65_535 }), (pairs, id) => {
        const head = encode(new RequestEncoder(), pairs);
        const expected = Buffer.from(head);
        let at = 0;
        for (const { content, padding } of readRecords(head)) {
          expected.writeUInt16BE(id, at + 2);
          at += 8 + content.length + padding.length;
        }
        addressHead(head, id, false);
        expect(head.equals(expected)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('encodePairs', () => {
  it('writes what the specification writes, in pieces that records hold, cut only between pairs', () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 10 }), (pairs) => {
        const pieces = encodePairs(pairs).map((piece) => Buffer.from(piece, 'latin1'));
        expect(Buffer.concat(pieces).equals(writePairs(pairs))).toBe(true);
        expect(pieces.flatMap(readPairs)).toEqual(pairs);
        for (const { length } of pieces) expect(length).toBeLessThanOrEqual(65_535);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a pair that no record holds, wherever it stands', () => {
    const fits: Pair = ['N', 'v'.repeat(65_535 - 6)];
    const tooLong: Pair = ['N', 'v'.repeat(65_536 - 6)];
    expect(encodePairs([fits, fits]).map(({ length }) => length)).toEqual([65_535, 65_535]);
    expect(encodePairs([])).toEqual([]);
    for (const pairs of [[tooLong], [fits, tooLong], [['A', 'a'], tooLong]] as const) {
      expect(() => encodePairs(pairs)).toThrow(ParamsTooLargeError);
    }
  });
});

describe('the other records', () => {
  it('frame a body of any length in one record', () => {
    for (const length of [0, 1, 7, 8, 9, 255, 65_528, 65_535]) {
      const { header, padding } = stdinFrame(1, length);
      const [record, ...more] = readRecords(Buffer.concat([header, Buffer.alloc(length, 'x'), padding]));
      expect(more).toEqual([]);
      expect(record).toMatchObject({ version: 1, type: STDIN, id: 1, reserved: 0 });
      expect(record?.content.length).toBe(length);
      expect(record?.padding.equals(Buffer.alloc(record.padding.length))).toBe(true);
    }
    expect(() => stdinFrame(1, 65_536)).toThrow(RangeError);
  });

  it('end a body and abort a request with one empty record', () => {
    for (const [bytes, type] of [
      [stdinEnd(1), STDIN],
      [abortRequest(1), ABORT_REQUEST],
    ] as const) {
      const records = readRecords(bytes);
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject({
        version: 1,
        type,
        id: 1,
        reserved: 0,
        content: Buffer.alloc(0),
        padding: Buffer.alloc(0),
      });
    }
  });

  it('ask for FCGI_MAX_CONNS with padding, without which libfcgi hangs', () => {
    const [record, ...more] = readRecords(encodeGetMaxConns());
    expect(more).toEqual([]);
    expect(record).toMatchObject({ version: 1, type: GET_VALUES, id: 0, reserved: 0 });
    expect(readPairs(record?.content ?? Buffer.alloc(0))).toEqual([['FCGI_MAX_CONNS', '']]);
    expect(record?.padding.length).toBeGreaterThan(0);
    expect(record?.padding.every((byte) => byte === 0)).toBe(true);
  });
});
