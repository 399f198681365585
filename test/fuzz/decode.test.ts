// RecordDecoder under every way to cut the bytes, on right, wrong and random records.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordDecoder, RecordError } from '../../src/fcgi/decode.ts';
import { parsePairs } from '../../src/fcgi/values.ts';
import { record } from '../peers/fastcgi-server.ts';
import { byteString, bytes, type Cuts, cuts } from '../support/fuzz/arbitraries.ts';
import { readPairs, writePairs } from '../support/fuzz/wire.ts';

type Event =
  | { readonly kind: 'stdout' | 'stderr'; readonly bytes: string }
  | { readonly kind: 'end'; readonly appStatus: number; readonly protocolStatus: number }
  | { readonly kind: 'values'; readonly values: ReadonlyMap<string, string> };

/** A decoder and what it has said; pieces of one stream that follow each other are put together. */
function decoding(): { readonly decoder: RecordDecoder; readonly events: Event[] } {
  const events: Event[] = [];
  const text = (kind: 'stdout' | 'stderr', piece: Buffer): void => {
    if (piece.length === 0) throw new Error(`an empty piece of ${kind}`);
    const last = events.at(-1);
    const bytes = piece.toString('latin1');
    if (last?.kind === kind) events[events.length - 1] = { kind, bytes: last.bytes + bytes };
    else events.push({ kind, bytes });
  };
  const decoder = new RecordDecoder({
    stdout: (piece) => text('stdout', piece),
    stderr: (piece) => text('stderr', piece),
    end: (appStatus, protocolStatus) => void events.push({ kind: 'end', appStatus, protocolStatus }),
    values: (values) => void events.push({ kind: 'values', values }),
  });
  return { decoder, events };
}

interface Sent {
  readonly type: number;
  readonly id: number;
  readonly content: Buffer;
  readonly padding: number;
}

const STDOUT = 6;
const STDERR = 7;
const END_REQUEST = 3;
const VALUES_RESULT = 10;

const padding = fc.oneof(fc.constantFrom(0, 1, 7, 8, 255), fc.integer({ min: 0, max: 255 }));
const content = fc.oneof(
  { weight: 12, arbitrary: bytes(40) },
  { weight: 2, arbitrary: fc.constant(Buffer.alloc(0)) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_534, 65_528).map((length) => Buffer.alloc(length, 'x')) },
);
const stream = fc.record({ type: fc.constantFrom(STDOUT, STDERR), id: fc.constant(1), content, padding });
const pairs = fc.uniqueArray(fc.tuple(byteString(20), byteString(20)), { maxLength: 5, selector: ([name]) => name });
const values = pairs.chain((list) =>
  fc.record({ type: fc.constant(VALUES_RESULT), id: fc.constant(0), content: fc.constant(writePairs(list)), padding }),
);
/** Types nobody knows, and management records that are no answer: to be passed over. */
const unknown = fc.oneof(
  fc.record({ type: fc.oneof(fc.constant(0), fc.integer({ min: 9, max: 255 })), id: fc.constant(1), content, padding }),
  fc.record({ type: fc.integer({ min: 11, max: 255 }), id: fc.constant(0), content, padding }),
);
const end = fc
  .record({ appStatus: fc.integer({ min: 0, max: 0xffff_ffff }), protocolStatus: fc.integer({ min: 0, max: 255 }), padding })
  .map(({ appStatus, protocolStatus, padding }): Sent & { readonly event: Event } => {
    const content = Buffer.alloc(8, 0xee);
    content.writeUInt32BE(appStatus, 0);
    content[4] = protocolStatus;
    return { type: END_REQUEST, id: 1, content, padding, event: { kind: 'end', appStatus, protocolStatus } };
  });
const answer = fc.array(fc.oneof({ weight: 4, arbitrary: stream }, values, unknown), { maxLength: 14 });

function wire(sent: Sent): Buffer {
  return record(sent.type, sent.content, sent);
}

function eventsOf(records: readonly Sent[]): readonly Event[] {
  const events: Event[] = [];
  for (const { type, id, content } of records) {
    const last = events.at(-1);
    const kind = type === STDOUT ? 'stdout' : 'stderr';
    const text = content.toString('latin1');
    if (type === VALUES_RESULT && id === 0) events.push({ kind: 'values', values: new Map(readPairs(content)) });
    else if ((type !== STDOUT && type !== STDERR) || text === '') continue;
    else if (last?.kind === kind) events[events.length - 1] = { kind, bytes: last.bytes + text };
    else events.push({ kind, bytes: text });
  }
  return events;
}

/** Writes until the decoder refuses; whatever else it throws passes through. */
function writeAll(decoder: RecordDecoder, pieces: readonly Buffer[]): RecordError | undefined {
  for (const piece of pieces) {
    try {
      decoder.write(piece);
    } catch (error) {
      if (error instanceof RecordError) return error;
      throw error;
    }
  }
  return undefined;
}

describe('RecordDecoder', () => {
  it('gives the same events however the bytes are cut', () => {
    fc.assert(
      fc.property(answer, end, cuts(), (records, last, cutting) => {
        const { decoder, events } = decoding();
        for (const piece of cutting.cut(Buffer.concat([...records, last].map(wire)))) decoder.write(piece);
        expect(events).toEqual([...eventsOf(records), last.event]);
        expect(decoder.clean).toBe(true);
      }),
      { numRuns: 250 },
    );
  });

  it('is clean exactly at the end of a record', () => {
    fc.assert(
      fc.property(answer, cuts(), (records, cutting) => {
        const boundaries = new Set([0]);
        const whole = Buffer.concat(records.map(wire));
        for (let at = 0, index = 0; index < records.length; index += 1) {
          const sent = records[index];
          at += 8 + (sent?.content.length ?? 0) + (sent?.padding ?? 0);
          boundaries.add(at);
        }
        const { decoder } = decoding();
        expect(decoder.clean).toBe(true);
        let read = 0;
        for (const piece of cutting.cut(whole)) {
          decoder.write(piece);
          read += piece.length;
          // Not `expect`: it is asked for every byte.
          if (decoder.clean !== boundaries.has(read)) throw new Error(`after ${read} bytes clean is ${decoder.clean}`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is no longer clean when anything follows END_REQUEST, and does not look at it', () => {
    fc.assert(
      fc.property(answer, end, bytes(60, 1), cuts(), (records, last, surplus, cutting) => {
        const { decoder, events } = decoding();
        for (const piece of cutting.cut(Buffer.concat([...[...records, last].map(wire), surplus]))) decoder.write(piece);
        expect(events).toEqual([...eventsOf(records), last.event]);
        expect(decoder.clean).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('reads a record of 65,535 bytes with 255 bytes of padding, cut one byte off each edge', () => {
    const records: readonly Sent[] = [
      { type: STDOUT, id: 1, content: Buffer.alloc(65_535, 'a'), padding: 255 },
      { type: STDOUT, id: 1, content: Buffer.from('b'), padding: 0 },
    ];
    const whole = Buffer.concat(records.map(wire));
    for (const edge of [0, 7, 8, 9, 8 + 65_534, 8 + 65_535, 8 + 65_536, 8 + 65_535 + 254, 8 + 65_535 + 255, 8 + 65_535 + 256]) {
      const { decoder, events } = decoding();
      decoder.write(whole.subarray(0, edge));
      decoder.write(whole.subarray(edge));
      expect(events).toEqual(eventsOf(records));
      expect(decoder.clean).toBe(true);
    }
  });

  it('throws nothing but RecordError on random bytes, and gives out no more than came in', () => {
    // Headers that get past the first checks, with lengths that do not fit what follows.
    const header = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 1 }), fc.constantFrom(0, 0, 0, 1, 4), bytes(3, 3))
      .map(([type, id, lengthHigh, rest]) => Buffer.concat([Buffer.from([1, type, 0, id, lengthHigh]), rest]));
    const plausible = fc.array(fc.oneof(header, bytes(300)), { maxLength: 20 }).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(fc.oneof(bytes(3000), plausible), cuts(), (garbage, cutting) => {
        const { decoder, events } = decoding();
        writeAll(decoder, cutting.cut(garbage));
        expect(textLength(events)).toBeLessThanOrEqual(garbage.length);
      }),
      { numRuns: 800 },
    );
  });

  it('throws nothing but RecordError on an answer with a few wrong bytes, wherever it is cut', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(answer, end, damage, cuts(), cuts(), (records, last, changes, one, other) => {
        const whole = Buffer.concat([...records, last].map(wire));
        for (const [at, byte] of changes) whole[at % whole.length] = byte;
        const run = (cutting: Cuts): unknown => {
          const { decoder, events } = decoding();
          const refused = writeAll(decoder, cutting.cut(whole));
          return { events, refused: refused?.message, clean: refused === undefined && decoder.clean };
        };
        expect(run(one)).toEqual(run(other));
      }),
      { numRuns: 250 },
    );
  });

  const wrong: ReadonlyArray<readonly [what: string, wire: Buffer]> = [
    ...[0, 2, 255].map((version) => [`version ${version}`, record(STDOUT, 'x', { version })] as const),
    ...[2, 256, 257, 65_535].map((id) => [`request id ${id}`, record(STDOUT, 'x', { id })] as const),
    ...[1, 2, 4, 5, 8].map((type) => [`type ${type}, which only the front end sends`, record(type, 'x')] as const),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((type) => [`type ${type} with request id 0`, record(type, '12345678', { id: 0 })] as const),
    ...[0, 4, 7].map((length) => [`END_REQUEST of ${length} bytes`, record(END_REQUEST, Buffer.alloc(length))] as const),
    ['END_REQUEST of 65,535 bytes', record(END_REQUEST, Buffer.alloc(65_535))],
    ['GET_VALUES_RESULT of 65,535 bytes', record(VALUES_RESULT, Buffer.alloc(65_535), { id: 0 })],
    ['GET_VALUES_RESULT with a pair that is cut off', record(VALUES_RESULT, Buffer.from([3, 3, 65]), { id: 0 })],
  ];

  it.each(wrong)('refuses %s, wherever it is cut, after what came before it', (_, wrongRecord) => {
    fc.assert(
      fc.property(answer, cuts(), (records, cutting) => {
        const { decoder, events } = decoding();
        const refused = writeAll(decoder, cutting.cut(Buffer.concat([...records.map(wire), wrongRecord])));
        expect(refused).toBeInstanceOf(RecordError);
        expect(events).toEqual(eventsOf(records));
      }),
      { numRuns: 20 },
    );
  });
});

describe('parsePairs', () => {
  it('gives back the pairs that were written', () => {
    const long = fc.oneof(byteString(10), byteString(300, 120));
    const list = fc.uniqueArray(fc.tuple(long, long), { maxLength: 8, selector: ([name]) => name });
    fc.assert(
      fc.property(list, (written) => {
        expect(parsePairs(writePairs(written))).toEqual(new Map(written));
      }),
    );
  });

  it('ends on any bytes, without an error, in pairs that were there or in undefined', () => {
    const lengths = fc.array(fc.constantFrom(0, 1, 2, 127, 128, 129, 255), { maxLength: 24 }).map((list) => Buffer.from(list));
    fc.assert(
      fc.property(fc.oneof(bytes(400), lengths), (garbage) => {
        const found = parsePairs(garbage);
        let expected: ReadonlyMap<string, string> | undefined;
        try {
          expected = new Map(readPairs(garbage));
        } catch {
          expected = undefined;
        }
        expect(found).toEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });
});

function textLength(events: readonly Event[]): number {
  return events.reduce((sum, event) => sum + ('bytes' in event ? event.bytes.length : 0), 0);
}
