// What the property tests draw: bytes, byte strings, and ways to cut bytes into pieces.

import fc from 'fast-check';

/** Any bytes. */
export function bytes(maxLength: number, minLength = 0): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
}

/** Any bytes, each as one character. */
export function byteString(maxLength: number, minLength = 0): fc.Arbitrary<string> {
  return bytes(maxLength, minLength).map((buffer) => buffer.toString('latin1'));
}

/** Any UTF-16, broken surrogates and separators of lines and paragraphs among it. */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.nat(0x2fff), fc.integer({ min: 0xd800, max: 0xdfff }), fc.constantFrom(0x85, 0x9b, 0x2028, 0x2029));
  return fc.array(unit, { maxLength }).map((codes) => String.fromCharCode(...codes));
}

/**
 * A way to cut: `cut` gives the pieces of any buffer. Byte by byte, not at all, and everything
 * between.
 */
export interface Cuts {
  cut(whole: Buffer): readonly Buffer[];
}

export function cuts(): fc.Arbitrary<Cuts> {
  return fc
    .oneof(
      { weight: 1, arbitrary: fc.constant(() => 1) },
      { weight: 1, arbitrary: fc.constant(() => Number.MAX_SAFE_INTEGER) },
      { weight: 2, arbitrary: fc.integer({ min: 2, max: 17 }).map((size) => () => size) },
      {
        weight: 4,
        arbitrary: fc
          .array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 70_000 })), { minLength: 1, maxLength: 12 })
          .map((sizes) => (index: number) => sizes[index % sizes.length] ?? 1),
      },
    )
    .map((sizeOf) => ({
      cut: (whole) => {
        const pieces: Buffer[] = [];
        for (let at = 0; at < whole.length; ) {
          const end = Math.min(whole.length, at + sizeOf(pieces.length));
          // A copy, as from a socket: nothing may depend on what lies beside it in memory.
          pieces.push(Buffer.from(whole.subarray(at, end)));
          at = end;
        }
        return pieces;
      },
    }));
}
