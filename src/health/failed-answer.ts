// What a coded failure on the way to a worker's answer says of the worker, in the operator's words.

import { type FailureCode, type ProxyError, systemCode } from '../core/errors.ts';
import { escapeControls } from '../core/escape.ts';
import type { ProbeAnswer } from './probe.ts';

/** We, not the worker, are out of something. */
const OUR_OWN = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EADDRNOTAVAIL']);

const REASONS: Partial<Record<FailureCode, string>> = {
  FCGI_LB_CONNECT_REFUSED: 'refused: nothing listens',
  FCGI_LB_CONNECT_MISSING: 'the socket file does not exist',
  FCGI_LB_CONNECT_DENIED: 'permission denied',
};

/** Characters of a reason; the rest of what a stranger said is cut off. */
const MAX_REASON = 200;

export function bad(reason: string): ProbeAnswer {
  return { kind: 'bad', reason: shown(reason) };
}

/** Text, perhaps a stranger's, as it may stand in a log line. */
export function shown(text: string): string {
  const safe = escapeControls(text);
  return safe.length > MAX_REASON ? `${safe.slice(0, MAX_REASON)}...` : safe;
}

export function failedAnswer(error: ProxyError): ProbeAnswer {
  const { code } = error;
  if (code === 'FCGI_LB_CONNECT_BUSY' || code === 'FCGI_LB_UPSTREAM_OVERLOADED') return { kind: 'busy' };
  const cause = systemCode(error.cause);
  if (cause !== undefined && OUR_OWN.has(cause)) return { kind: 'unasked', reason: `cannot connect: ${cause}` };
  return bad(REASONS[code] ?? withoutName(error));
}

/** Messages of failures begin with the upstream's name, which stands beside each reason already. */
function withoutName({ message, upstream }: ProxyError): string {
  const name = `${upstream ?? ''}: `;
  return message.startsWith(name) ? message.slice(name.length) : message;
}
