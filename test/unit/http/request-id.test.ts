// Names of requests: unique, and a client's own only where that client is trusted and its name can
// do no harm.

import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REQUEST_ID_DEFAULTS } from '../../../src/config/defaults.ts';
import { parseTrustedPeer } from '../../../src/config/trusted-peer.ts';
import { RequestIds } from '../../../src/http/request/request-id.ts';

const OURS = /^[0-9a-f]{32}$/;

function ids(trust: readonly string[], header: string | undefined = 'X-Request-ID'): RequestIds {
  return new RequestIds({ header, trust: trust.map(parseTrustedPeer) });
}

/** @param address undefined for a unix socket */
function request(rawHeaders: readonly string[], address: string | undefined = undefined, destroyed = false): IncomingMessage {
  return { rawHeaders, socket: { remoteAddress: address, destroyed } } as unknown as IncomingMessage;
}

describe('a name of our own', () => {
  it('is 128 bits in hexadecimal digits, another one for each request, in each process', () => {
    const [one, other] = [ids([]), ids([])];
    const names = Array.from({ length: 1000 }, () => [one.of(request([])), other.of(request([]))]).flat();
    for (const name of names) expect(name).toMatch(OURS);
    expect(new Set(names).size).toBe(2000);
  });

  it('is taken where the client is not trusted, which is so unless the configuration says otherwise', () => {
    expect(new RequestIds(REQUEST_ID_DEFAULTS).of(request(['X-Request-ID', 'theirs']))).toMatch(OURS);
    expect(ids(['unix']).of(request(['X-Request-ID', 'theirs'], '127.0.0.1'))).toMatch(OURS);
    expect(ids(['unix']).of(request(['X-Request-ID', 'theirs'], undefined, true))).toMatch(OURS);
    expect(ids(['127.0.0.1']).of(request(['X-Request-ID', 'theirs']))).toMatch(OURS);
  });

  it('is taken where a trusted client gives none, two, or one that could be taken for something else', () => {
    const trusting = ids(['unix']);
    for (const bad of ['', 'a b', 'a\nb', 'x"', 'é', 'a'.repeat(129), '${x}', 'a;b', 'a,b']) {
      expect(trusting.of(request(['X-Request-ID', bad]))).toMatch(OURS);
    }
    expect(trusting.of(request(['X-Request-ID', 'a', 'x-request-id', 'b']))).toMatch(OURS);
    expect(trusting.of(request(['X-Other', 'a']))).toMatch(OURS);
  });
});

describe("a trusted client's name", () => {
  it.each([
    ['unix', undefined],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['10.0.0.0/8', '10.200.3.4'],
    ['::1', '::1'],
    ['fd00::/8', 'fd12:3456::1'],
    ['0.0.0.0/0', '203.0.113.9'],
  ])('is taken over: trust %s, from %s', (trust, address) => {
    expect(ids([trust]).of(request(['X-Request-ID', 'a-B_c.9'], address))).toBe('a-B_c.9');
    expect(ids([trust], 'X-Trace').of(request(['x-trace', 'b'], address))).toBe('b');
  });

  it('is not looked for when workers are told nothing', () => {
    expect(new RequestIds({ header: undefined, trust: [{ kind: 'unix' }] }).of(request(['', 'a']))).toMatch(OURS);
  });

  it('never holds anything but letters, digits, dots, dashes and underscores', () => {
    const trusting = ids(['unix']);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(trusting.of(request(['X-Request-ID', text]))).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
      }),
    );
  });
});

describe('whom to trust', () => {
  it.each([
    '10.0.0.0/33',
    '::1/129',
    '300.1.1.1',
    'example.org',
    '',
    '/8',
    '10.0.0.0/',
    '1:2:3',
    ':::',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
  ])('is refused when it is no address: %j', (text) =>
    expect(() => parseTrustedPeer(text)).toThrow('expected unix, an address, or a network'),
  );
});
