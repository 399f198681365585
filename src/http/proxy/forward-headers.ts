// The header fields that go on to an HTTP upstream, and what those of its answer mean for the
// client.

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { BadHeadError, type HeaderField } from '../../fcgi/cgi-head.ts';
import type { HttpHead } from '../../upstream/http/request.ts';
import { isPassedOn } from '../request/headers.ts';
import { type Peer, remoteAddress, schemeOf } from '../request/peer.ts';
import type { DocumentHead } from '../response/document-head.ts';
import { interpretHead } from './cgi-response.ts';

/**
 * The client's end-to-end fields, in their order and spelling, and what we know of the client.
 * @param peer who asks, for all that is trusted
 * @param host where the request goes: the authority of its target, else its Host field; undefined
 *   for HTTP/1.0 without one
 * @param id put in place of what the client sent under that name
 */
export function forwardedFields(
  request: IncomingMessage,
  peer: Peer,
  host: string | undefined,
  id?: { readonly name: string; readonly value: string },
): OutgoingHttpHeaders {
  const named = connectionOptions(request.headers.connection);
  const fields = new Map<string, { readonly name: string; values: string[] }>();
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const key = name.toLowerCase();
    // A client cannot name away what says where its request goes.
    if (!isPassedOn(key) || (named.has(key) && key !== 'host')) continue;
    const field = fields.get(key);
    if (field === undefined) fields.set(key, { name, values: [rawHeaders[i + 1] ?? ''] });
    else field.values.push(rawHeaders[i + 1] ?? '');
  }
  if (host !== undefined) fields.set('host', { name: 'Host', values: [host] });
  if (id !== undefined) fields.set(id.name.toLowerCase(), { name: id.name, values: [id.value] });
  const facts = [
    ['X-Forwarded-For', remoteAddress(request.socket)],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Proto', schemeOf(peer)],
  ] as const;
  for (const [name, fact] of facts) {
    if (fact === undefined) continue;
    // Behind what came, which anybody may have written: the last one is ours. Of a trusted proxy's
    // only what it comes to.
    const settled = name === 'X-Forwarded-Proto' && peer.proxied === true;
    const before = settled ? [] : (fields.get(name.toLowerCase())?.values ?? []);
    fields.set(name.toLowerCase(), { name, values: [[...before, fact].join(', ')] });
  }
  return Object.fromEntries([...fields.values()].map(({ name, values }) => [name, values]));
}

/** The names in a Connection field, which concern one connection alone (RFC 9110 7.6.1). */
function connectionOptions(value: string | undefined): ReadonlySet<string> {
  return new Set((value ?? '').split(',').map((name) => name.trim().toLowerCase()));
}

/**
 * What an answer means for the client.
 * @throws BadHeadError when it must not reach one
 */
export function interpretHttpHead(head: HttpHead): DocumentHead {
  const fields: HeaderField[] = [{ name: 'Status', key: 'status', value: `${head.status} ${head.reason}`.trimEnd() }];
  const { rawHeaders } = head;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const key = name.toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    // node:http undoes chunks and nothing else: under another coding the body is not what its
    // fields say.
    if (key === 'transfer-encoding' && value.trim().toLowerCase() !== 'chunked') {
      throw new BadHeadError(`Transfer-Encoding ${JSON.stringify(value.slice(0, 40))} is not supported`);
    }
    // In CGI it is the status. From an HTTP server it repeats the status at best.
    if (key !== 'status') fields.push({ name, key, value });
  }
  const meaning = interpretHead(fields);
  if (meaning.kind !== 'document') throw new BadHeadError('a head without a status');
  return meaning;
}
