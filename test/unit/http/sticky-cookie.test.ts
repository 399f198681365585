// StickyCookie: what it accepts from clients, what it tells them, and on which answers.

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StickyTokenSettings, StickyTokens } from '../../../src/balance/sticky-token.ts';
import { StickyCookie } from '../../../src/http/proxy/sticky-cookie.ts';
import type { DocumentHead } from '../../../src/http/response/document-head.ts';

const SETTINGS: StickyTokenSettings = { cookie: 'route', pool: 'rt', secret: '0123456789abcdef0123456789abcdef' };
const UPSTREAM = { name: '/run/rt1.sock' };

const cookieOf = (settings: StickyTokenSettings): StickyCookie => new StickyCookie(new StickyTokens(settings));

function tokenOf(name: string, settings = SETTINGS): string {
  return new StickyTokens(settings).tokenOf(name);
}

function request(headers: IncomingMessage['headers'] = {}, socket = new Socket()): IncomingMessage {
  const message = new IncomingMessage(socket);
  message.headers = headers;
  return message;
}

function head(...headers: readonly string[]): DocumentHead {
  return { kind: 'document', status: 200, reason: '', headers, length: undefined, streaming: false };
}

/** The field that a client gets which brought nothing. */
function issued(cookie: StickyCookie, upstream = UPSTREAM): string {
  const { headers } = cookie.mark(head(), '', upstream, request(), false);
  expect(headers[0]).toBe('Set-Cookie');
  return headers[1] ?? '';
}

function cookieValue(field: string): string {
  return /^route=([^;]*)/.exec(field)?.[1] ?? '';
}

const read = (cookie: StickyCookie, value: string): string => cookie.read(request({ cookie: `a=1; route=${value}; b=2` }));

describe('the value of a sticky cookie', () => {
  const cookie = cookieOf(SETTINGS);
  const value = cookieValue(issued(cookie));

  it('is accepted, and stands for the upstream it was made for', () => {
    expect(read(cookie, value)).toBe(tokenOf(UPSTREAM.name));
    expect(read(cookie, value)).not.toBe(tokenOf('/run/rt2.sock'));
  });

  it('is the same from every process that has the secret, and accepted there', () => {
    const other = cookieOf({ ...SETTINGS });
    expect(cookieValue(issued(other, { name: '/run/rt1.sock' }))).toBe(value);
    expect(read(other, value)).toBe(tokenOf(UPSTREAM.name));
  });

  it('tells nothing of the address, and needs no quoting', () => {
    expect(value).toMatch(/^[A-Za-z0-9_-]{36}$/);
    const decoded = Buffer.from(value, 'base64url').toString('latin1');
    for (const part of ['run', 'rt1', 'sock']) expect([value.includes(part), decoded.includes(part)]).toEqual([false, false]);
  });

  it.each<[string, Partial<StickyTokenSettings>]>([
    ['secret', { secret: 'another secret, of some length' }],
    ['pool', { pool: 'php' }],
    ['cookie', { cookie: 'path' }],
  ])('means nothing under another %s', (_, change) => {
    const changed = { ...SETTINGS, ...change };
    const other = cookieOf(changed);
    expect(other.read(request({ cookie: `route=${value}; path=${value}` }))).toBe('');
    if (change.cookie === undefined) expect(tokenOf(UPSTREAM.name, changed)).not.toBe(tokenOf(UPSTREAM.name));
  });

  it('is refused when any character of it is another', () => {
    for (let at = 0; at < value.length; at += 1) {
      const forged = `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`;
      expect([forged, read(cookie, forged)]).toEqual([forged, '']);
    }
  });

  it('is refused when it is cut, longer, signed by nobody, or anything else at all', () => {
    const token = tokenOf(UPSTREAM.name);
    for (const forged of [token, value.slice(0, -1), `${value}A`, value.slice(1), `${token}${'A'.repeat(24)}`, `"${value}"`]) {
      expect([forged, read(cookie, forged)]).toEqual([forged, '']);
    }
    expect(cookie.read(request())).toBe('');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ minLength: 36, maxLength: 36, unit: 'binary' })), (text) => {
        expect(cookie.read(request({ cookie: `route=${text}` }))).toBe('');
      }),
    );
  });
});

describe('an answer', () => {
  const cookie = cookieOf(SETTINGS);
  const own = tokenOf(UPSTREAM.name);

  it('gets the cookie last, behind those of the application, which all stay', () => {
    const before = head('Set-Cookie', 'a=1', 'Content-Type', 'text/plain', 'Set-Cookie', 'b=2');
    const { headers, ...rest } = cookie.mark(before, '', UPSTREAM, request(), false);
    expect(headers.slice(0, -2)).toEqual(before.headers);
    expect(headers.at(-2)).toBe('Set-Cookie');
    expect(headers.at(-1)).toMatch(/^route=[A-Za-z0-9_-]{36}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect({ ...rest, headers: before.headers }).toEqual(before);
  });

  it('gets none when the client has it already, and a new one when it has that of another upstream', () => {
    const before = head('Content-Type', 'text/plain');
    expect(cookie.mark(before, own, UPSTREAM, request(), false)).toBe(before);
    const { headers } = cookie.mark(before, tokenOf('/run/rt2.sock'), UPSTREAM, request(), false);
    expect(cookieValue(headers.at(-1) ?? '').startsWith(own)).toBe(true);
  });

  it.each<[string, IncomingMessage, boolean]>([
    ['the configuration says that TLS ends in front', request(), true],
    ['the web server in front says so', request({ 'x-forwarded-proto': 'https' }), false],
    ['the first of several web servers says so', request({ 'x-forwarded-proto': 'HTTPS, http' }), false],
    ['the connection itself is encrypted', request({}, new TLSSocket(new Socket())), false],
  ])('gets it with Secure when %s', (_, message, https) => {
    expect(cookie.mark(head(), '', UPSTREAM, message, https).headers.at(-1)).toMatch(/; HttpOnly; SameSite=Lax; Secure$/);
  });

  it('gets it without Secure over http', () => {
    for (const message of [request(), request({ 'x-forwarded-proto': 'http' }), request({ 'x-forwarded-proto': 'http, https' })])
      expect(cookie.mark(head(), '', UPSTREAM, message, false).headers.at(-1)).not.toContain('Secure');
  });

  it.each(['public', 'public, max-age=3600', 'max-age=60, PUBLIC', 's-maxage=10', 'max-age=5,s-maxage=10'])(
    'that a shared cache keeps for everybody gets none: Cache-Control: %s',
    (value) => {
      const before = head('Content-Type', 'text/css', 'cache-CONTROL', value);
      expect(cookie.mark(before, '', UPSTREAM, request(), false)).toBe(before);
    },
  );

  it.each(['private', 'no-store', 'max-age=3600', 'no-cache="public-key"', ''])(
    'that no shared cache is told to keep gets it: Cache-Control: %s',
    (value) => {
      const { headers } = cookie.mark(head('Cache-Control', value, 'X-Note', 'public'), '', UPSTREAM, request(), false);
      expect(headers.at(-2)).toBe('Set-Cookie');
    },
  );
});
