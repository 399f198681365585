// balanceKey: what a request is known by, from its address, its target, a header or a cookie.

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { balanceKey, type KeyRule } from '../../../src/http/proxy/balance-key.ts';
import { cookieOf } from '../../../src/http/request/cookie.ts';

function request(url: string | undefined, headers: IncomingMessage['headers'] = {}): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  if (url !== undefined) message.url = url;
  message.headers = headers;
  return message;
}

function keyOf(source: KeyRule, message: IncomingMessage): string {
  return balanceKey(source, message, message.socket);
}

describe('cookieOf', () => {
  it.each([
    ['sid=abc', 'abc'],
    ['a=1; sid=abc; b=2', 'abc'],
    ['a=1;sid=abc;b=2', 'abc'],
    [' sid = abc ', 'abc'],
    ['sid=first; sid=second', 'first'],
    ['sid=a=b==', 'a=b=='],
    ['sid="quoted"', '"quoted"'],
    ['sid=', ''],
    ['xsid=no; sidx=no; sid=yes', 'yes'],
    ['SID=no', ''],
    ['sid', ''],
    ['sid; a=sid=no', ''],
    ['', ''],
    [';;=;', ''],
  ])('finds sid in %j: %j', (header, value) => {
    expect(cookieOf(header, 'sid')).toBe(value);
  });
});

describe('balanceKey', () => {
  it('is the target as the client sent it', () => {
    expect(keyOf({ kind: 'request-uri' }, request('/a%20b/../c?x=1'))).toBe('/a%20b/../c?x=1');
  });

  it('is the value of a header, of all of them when there are several, and empty without one', () => {
    const source = { kind: 'header', name: 'x-tenant' } as const;
    expect(keyOf(source, request('/', { 'x-tenant': 'blue' }))).toBe('blue');
    expect(keyOf(source, request('/', { 'x-tenant': ['blue', 'green'] }))).toBe('blue, green');
    expect(keyOf(source, request('/', { tenant: 'blue' }))).toBe('');
  });

  it('is the value of a cookie, and empty without one', () => {
    const source = { kind: 'cookie', name: 'sid' } as const;
    expect(keyOf(source, request('/', { cookie: 'a=1; sid=abc' }))).toBe('abc');
    expect(keyOf(source, request('/', { cookie: 'a=1' }))).toBe('');
    expect(keyOf(source, request('/'))).toBe('');
  });

  it('is the address of the client', () => {
    const message = request('/');
    Object.defineProperty(message.socket, 'remoteAddress', { value: '192.0.2.7' });
    expect(keyOf({ kind: 'remote-addr' }, message)).toBe('192.0.2.7');
  });
});
