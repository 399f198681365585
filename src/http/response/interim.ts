// Passes interim answers (RFC 9110 15.2) on to a client that may still be waiting for the real one.

import type { ServerResponse } from 'node:http';

const PROCESSING = 102;
const EARLY_HINTS = 103;

/**
 * Writes 102 and 103. Others are none of the client's business: 100 is the answer to our own
 * sending of the body.
 * @param rawHeaders names and values in turn
 */
export function writeInterim(response: ServerResponse, status: number, rawHeaders: readonly string[]): void {
  if (response.headersSent || response.socket === null) return;
  if (status === PROCESSING) response.writeProcessing();
  if (status !== EARLY_HINTS) return;
  const links: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'link') links.push(rawHeaders[i + 1] ?? '');
  }
  try {
    response.writeEarlyHints({ link: links });
  } catch {
    // node:http takes only links of a simple form. A hint that does not get through does no harm.
  }
}
