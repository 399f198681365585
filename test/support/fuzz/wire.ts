// FastCGI on the wire, read and written a second time from the specification, to hold the product's
// reader and writer against.

export interface WireRecord {
  readonly version: number;
  readonly type: number;
  readonly id: number;
  readonly content: Buffer;
  readonly padding: Buffer;
  readonly reserved: number;
}

/**
 * All records in the bytes.
 * @throws Error when the last one is cut off
 */
export function readRecords(bytes: Buffer): readonly WireRecord[] {
  const records: WireRecord[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    if (rest.length < 8) throw new Error(`${rest.length} bytes of a record header`);
    const [version = 0, type = 0, idHigh = 0, idLow = 0, lengthHigh = 0, lengthLow = 0, paddingLength = 0, reserved = 0] = rest;
    const contentEnd = 8 + lengthHigh * 256 + lengthLow;
    const end = contentEnd + paddingLength;
    if (rest.length < end) throw new Error(`a record of ${end} bytes is cut off at ${rest.length}`);
    const content = rest.subarray(8, contentEnd);
    records.push({ version, type, id: idHigh * 256 + idLow, content, padding: rest.subarray(contentEnd, end), reserved });
    rest = rest.subarray(end);
  }
  return records;
}

export type Pair = readonly [name: string, value: string];

/**
 * The pairs that fill the bytes exactly, in their order; names and values as byte strings.
 * @throws Error when a pair is cut off
 */
export function readPairs(bytes: Buffer): readonly Pair[] {
  const pairs: Pair[] = [];
  let rest = bytes;
  const take = (count: number): Buffer => {
    if (count > rest.length) throw new Error(`a pair is cut off: ${count} bytes wanted, ${rest.length} there`);
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  };
  const takeLength = (): number => {
    const [first = 0] = take(1);
    if (first < 128) return first;
    const [second = 0, third = 0, fourth = 0] = take(3);
    return (((first - 128) * 256 + second) * 256 + third) * 256 + fourth;
  };
  while (rest.length > 0) {
    const nameLength = takeLength();
    const valueLength = takeLength();
    pairs.push([take(nameLength).toString('latin1'), take(valueLength).toString('latin1')]);
  }
  return pairs;
}

export function writePairs(pairs: readonly Pair[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [size(name), size(value), latin1(name), latin1(value)]));
}

function size(text: string): Buffer {
  const { length } = text;
  return length > 127
    ? Buffer.from([128 + (length >>> 24), (length >>> 16) & 255, (length >>> 8) & 255, length & 255])
    : Buffer.from([length]);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
