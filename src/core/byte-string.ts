// Text as a byte string: each character is one byte, the form in which paths and parameters are
// compared and sent.

/** UTF-8 text as a byte string. */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
