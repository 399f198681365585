// CgiHeadReader under every way to cut the bytes: the same fields, or the same refusal.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadHeadError, CgiHeadReader, type HeaderField, HeadTooLargeError } from '../../src/fcgi/cgi-head.ts';
import { byteString, bytes, type Cuts, cuts } from '../support/fuzz/arbitraries.ts';
import { holdsControl } from '../support/fuzz/control.ts';

interface Result {
  readonly fields: readonly HeaderField[];
  /** Offset of the body from the first byte of all. */
  readonly bodyAt: number;
}

/** Pushes pieces until the head is complete. */
function read(whole: Buffer, cutting: Cuts, limit = 1_000_000): Result | undefined {
  const reader = new CgiHeadReader(limit);
  let before = 0;
  for (const piece of cutting.cut(whole)) {
    const head = reader.push(piece);
    if (head !== undefined) return { fields: head.fields, bodyAt: before + head.bodyAt };
    before += piece.length;
  }
  return undefined;
}

const atOnce: Cuts = { cut: (whole) => [whole] };
const byteByByte: Cuts = { cut: (whole) => Array.from(whole, (_, at) => whole.subarray(at, at + 1)) };

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const characters = (from: string, maxLength: number, minLength = 0): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...from), { minLength, maxLength }).map((list) => list.join(''));

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz";
const VISIBLE = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((c) => /[!-~\x80-\xff]/.test(c));
const visible = characters(VISIBLE.join(''), 12, 1);
const blank = characters(' \t', 3);
const value = fc.oneof(
  fc.constant(''),
  visible,
  fc.tuple(visible, characters(' \t', 3, 1), visible).map(([head, gap, tail]) => head + gap + tail),
);
const lineEnd = fc.constantFrom('\r\n', '\n');
const line = fc.record({ name: characters(TOKEN_CHARACTERS, 10, 1), before: blank, value, after: blank, lineEnd });
const head = fc.record({ lines: fc.array(line, { minLength: 1, maxLength: 8 }), last: lineEnd }).map(({ lines, last }) => ({
  text: lines.map(({ name, before, value, after, lineEnd }) => `${name}:${before}${value}${after}${lineEnd}`).join('') + last,
  fields: lines.map(({ name, value }) => ({ name, key: name.toLowerCase(), value })),
}));

describe('CgiHeadReader', () => {
  it('gives the same fields and the same beginning of the body however the bytes are cut', () => {
    fc.assert(
      fc.property(head, bytes(50), cuts(), ({ text, fields }, body, cutting) => {
        const whole = Buffer.concat([Buffer.from(text, 'latin1'), body]);
        expect(read(whole, cutting)).toEqual({ fields, bodyAt: text.length });
      }),
      { numRuns: 600 },
    );
  });

  it('waits for the end of the head', () => {
    fc.assert(
      fc.property(head, cuts(), ({ text }, cutting) => {
        expect(read(Buffer.from(text.slice(0, -1), 'latin1'), cutting)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('takes a head of exactly the limit and refuses one byte more, whatever follows', () => {
    fc.assert(
      fc.property(head, bytes(50), cuts(), ({ text, fields }, body, cutting) => {
        const whole = Buffer.concat([Buffer.from(text, 'latin1'), body]);
        expect(read(whole, cutting, text.length)).toEqual({ fields, bodyAt: text.length });
        expect(thrownBy(() => read(whole, cutting, text.length - 1))).toBeInstanceOf(HeadTooLargeError);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses an endless head as soon as it passes the limit', () => {
    const reader = new CgiHeadReader(1000);
    for (let size = 0; size < 1000; size += 100) expect(reader.push(Buffer.alloc(100, 'a'))).toBeUndefined();
    expect(() => reader.push(Buffer.from('a'))).toThrow(HeadTooLargeError);
  });

  const BAD: ReadonlyArray<readonly [what: string, head: string]> = [
    ['no header field, CR LF', '\r\n'],
    ['no header field, LF', '\n'],
    ['a line without a colon', 'Content-Type: a\r\nHello\r\n\r\n'],
    ['an HTTP status line', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    ['an empty name', ': a\r\n\r\n'],
    ['a space before the colon', 'A : b\r\n\r\n'],
    ['a tab before the colon', 'A\t: b\r\n\r\n'],
    ['a space inside a name', 'A B: c\r\n\r\n'],
    ['a name in another alphabet', '\xc4: b\r\n\r\n'],
    ['a folded line', 'A: b\r\n c\r\n\r\n'],
    ['a line folded with a tab', 'A: b\n\tc: d\n\n'],
    ['a line of blanks', 'A: b\r\n \r\n\r\n'],
    ['a bare CR in a value', 'A: b\rC: d\r\n\r\n'],
    ['a bare CR before CR LF', 'A: b\r\r\n\r\n'],
    ['a bare CR in a name', 'A\rB: c\r\n\r\n'],
    ['a bare CR at the start of a line', 'A: b\r\n\rC: d\r\n\r\n'],
    ['two CRs and LF in place of the empty line', 'A: b\r\n\r\r\n\r\n'],
    ['NUL in a value', 'A: b\0c\r\n\r\n'],
    ['NUL in a name', 'A\0: b\r\n\r\n'],
    ['NUL after blanks at the end of a value', 'A: b \0\r\n\r\n'],
  ];

  it.each(BAD)('refuses %s, however it is cut', (_, text) => {
    const whole = Buffer.from(`${text}body`, 'latin1');
    expect(thrownBy(() => read(whole, atOnce))).toBeInstanceOf(BadHeadError);
    expect(thrownBy(() => read(whole, byteByByte))).toBeInstanceOf(BadHeadError);
    for (let at = 1; at < whole.length; at += 1) {
      const cutting: Cuts = { cut: () => [whole.subarray(0, at), whole.subarray(at)] };
      expect(thrownBy(() => read(whole, cutting))).toBeInstanceOf(BadHeadError);
    }
  });

  it('refuses every control character but tab in every place of a value', () => {
    for (let code = 0; code < 256; code += 1) {
      const control = (code < 32 && code !== 9 && code !== 10) || code === 127;
      for (const place of ['A: #b\r\n\r\n', 'A: b#c\r\n\r\n', 'A: b#\t\r\n\r\n', 'A:#\r\n\r\n']) {
        // A CR that stands where a line may end is a line end.
        if (code === 10 || (code === 13 && place === 'A:#\r\n\r\n')) continue;
        const whole = Buffer.from(place.replace('#', String.fromCharCode(code)), 'latin1');
        expect(thrownBy(() => read(whole, atOnce)) instanceof BadHeadError, `${code} in ${place}`).toBe(control);
      }
    }
  });

  it('quotes at most a piece of what it refuses, on one line', () => {
    const refused = thrownBy(() => read(Buffer.from(`A: ${'x'.repeat(5000)}\x1b\r\n\r\n`), atOnce));
    expect(String(refused).length).toBeLessThan(300);
    const forged = thrownBy(() => read(Buffer.from('A: b\r\x1b[2Jforged\r\n\r\n'), atOnce));
    expect(holdsControl(String(forged))).toBe(false);
  });

  it('throws nothing but its two errors on any bytes, the same for every cut, and lets no control character through', () => {
    const pieces = fc.constantFrom(
      'A',
      ':',
      ' ',
      '\t',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      '\r\n\r\n',
      'Status: 200',
      '\0',
      '\x7f',
      '\xff',
    );
    const nasty = fc.array(fc.oneof({ weight: 6, arbitrary: pieces }, byteString(4)), { maxLength: 30 });
    fc.assert(
      fc.property(nasty, cuts(), cuts(), (parts, one, other) => {
        const whole = Buffer.from(parts.join(''), 'latin1');
        const run = (cutting: Cuts): unknown => {
          try {
            const result = read(whole, cutting, 64);
            if (result === undefined) return 'incomplete';
            for (const { value } of result.fields) expect(holdsControl(value, '\t')).toBe(false);
            expect(result.fields.length).toBeGreaterThan(0);
            return result;
          } catch (error) {
            if (error instanceof BadHeadError || error instanceof HeadTooLargeError) return error.message;
            throw error;
          }
        };
        expect(run(one)).toEqual(run(other));
      }),
      { numRuns: 1500 },
    );
  });
});
