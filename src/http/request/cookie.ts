// Finds one cookie in a Cookie header.

/** The value of the first cookie of that name (RFC 6265 4.2). */
export function cookieOf(header: string, name: string): string {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return '';
}
