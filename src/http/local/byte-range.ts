// Reads the one range of bytes that a Range header asks for (RFC 9110 section 14.1.2).

export interface ByteRange {
  readonly start: number;
  /** The last byte, not the one behind it. */
  readonly end: number;
}

/**
 * @param size of what parts are asked of
 * @returns `all` for no range, several of them, or one that is none: those may be ignored; `none`
 *   when no byte is in it
 */
export function byteRange(header: string, size: number): ByteRange | 'all' | 'none' {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.replace(/\s/g, '').toLowerCase()) ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Number(last);
  if (last !== '' && end < start) return 'all';
  return start >= size ? 'none' : { start, end: Math.min(end, size - 1) };
}
