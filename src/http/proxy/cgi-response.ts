// What a worker's response head means (RFC 3875 section 6): a document for the client, or a
// redirect within the server.

import { BadHeadError, type HeaderField } from '../../fcgi/cgi-head.ts';
import type { DocumentHead } from '../response/document-head.ts';

export interface LocalRedirect {
  readonly kind: 'local-redirect';
  /** Path and query. */
  readonly location: string;
}

/** Concern our connection to the client, not the worker's answer (RFC 9110 7.6.1). */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/**
 * @throws BadHeadError when status or length make no sense: such an answer must not reach a client
 */
export function interpretHead(fields: readonly HeaderField[]): DocumentHead | LocalRedirect {
  const hopByHop = connectionFields(fields);
  const headers: string[] = [];
  let statusLine: string | undefined;
  let location: string | undefined;
  let length: number | undefined;
  let streaming = false;
  for (const { name, key, value } of fields) {
    switch (key) {
      case 'status':
        if (statusLine !== undefined && statusLine !== value) throw new BadHeadError('two different Status headers');
        statusLine = value;
        continue;
      case 'content-length': {
        const announced = parseLength(value);
        if (length !== undefined && length !== announced) throw new BadHeadError('two different Content-Length headers');
        if (length === announced) continue;
        length = announced;
        break;
      }
      case 'content-type':
        if (/^text\/event-stream\b/i.test(value)) streaming = true;
        break;
      case 'location':
        location = value;
        break;
      case 'x-accel-buffering':
        if (value.toLowerCase() === 'no') streaming = true;
        continue;
      default:
        // Instructions to the server, as in nginx; a client has no business with them (internal
        // paths among them).
        if (key.startsWith('x-accel-') || hopByHop.has(key)) continue;
    }
    headers.push(name, value);
  }
  if (location !== undefined && statusLine === undefined) {
    // RFC 3875 6.2.2: a local redirect is a path and nothing else; `//` would begin another host.
    if (fields.length === 1 && /^\/(?!\/)/.test(location)) return { kind: 'local-redirect', location };
    return { kind: 'document', status: 302, reason: '', headers, length, streaming };
  }
  const { status, reason } = parseStatus(statusLine ?? '200');
  return { kind: 'document', status, reason, headers, length, streaming };
}

/**
 * The fields that concern only the connection between the worker and us: the usual ones and those
 * it names (RFC 9110 7.6.1).
 */
function connectionFields(fields: readonly HeaderField[]): ReadonlySet<string> {
  const named = fields.filter(({ key }) => key === 'connection');
  if (named.length === 0) return HOP_BY_HOP;
  const names = named.flatMap(({ value }) => value.split(',')).map((name) => name.trim().toLowerCase());
  // Not the ones that say what the document is: a worker cannot take those back.
  return new Set([...HOP_BY_HOP, ...names.filter((name) => name !== 'content-length' && name !== 'location')]);
}

function parseStatus(text: string): { readonly status: number; readonly reason: string } {
  const match = /^([2-9]\d\d)(?:[ \t]+(.*))?$/.exec(text);
  // 1xx is no final answer, and the server decides about it.
  if (match === null) throw new BadHeadError(`Status header without a final status: ${JSON.stringify(text.slice(0, 40))}`);
  return { status: Number(match[1]), reason: match[2] ?? '' };
}

function parseLength(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new BadHeadError(`Content-Length is not a number: ${JSON.stringify(text.slice(0, 40))}`);
  return Number(text);
}
