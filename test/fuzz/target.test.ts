// parseTarget: whatever a client sends becomes one normal path or a 400.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../src/core/errors.ts';
import { parseTarget, type RequestTarget } from '../../src/http/request/target.ts';
import { byteString } from '../support/fuzz/arbitraries.ts';
import { holdsControl } from '../support/fuzz/control.ts';

/** The target taken apart, or the code of the refusal; whatever else is thrown passes through. */
function parse(target: string): RequestTarget | string {
  try {
    return parseTarget(target);
  } catch (error) {
    if (error instanceof ProxyError) return error.code;
    throw error;
  }
}

const REFUSED = 'FCGI_LB_REQUEST_BAD_TARGET';

const TRAPS = ['/', '/', '.', '..', '%2e', '%2E', '%2f', '%5c', '\\', '%00', '%0a', '%7f', '%', '%zz', '%25', '%ff', '\xff'];
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...TRAPS, 'a', 'b.c', ';', ':', '?', '#', '&', '=', ' ', 'http://h', '*', '...', '\t'),
  },
  { weight: 1, arbitrary: byteString(4) },
);
const anyTarget = fc.array(piece, { maxLength: 16 }).map((parts) => parts.join(''));
/** Mostly parsable, so that the properties of results are really looked at. */
const mildTarget = fc
  .array(fc.constantFrom('/', '/.', '/..', '/a', '/b.c', '/%61', '/%2e', '/%2f', '/...', '/.x', '/x..', '/\xe4', '/%e4', '//'), {
    minLength: 1,
    maxLength: 10,
  })
  .map((parts) => parts.join(''));

describe('parseTarget', () => {
  it('gives a normal path or refuses with 400, and throws nothing else', () => {
    let parsed = 0;
    fc.assert(
      fc.property(fc.oneof(anyTarget, mildTarget, byteString(40)), (target) => {
        const result = parse(target);
        if (typeof result === 'string') {
          expect(result).toBe(REFUSED);
          return;
        }
        parsed += 1;
        const { path, raw, query } = result;
        expect(path[0]).toBe('/');
        expect(holdsControl(path)).toBe(false);
        const segments = path.slice(1).split('/');
        expect(segments).not.toContain('.');
        expect(segments).not.toContain('..');
        // Only the last may be empty: it says that the path ends in a slash.
        expect(segments.slice(0, -1)).not.toContain('');
        expect(raw[0]).toBe('/');
        expect(raw.includes('?') ? raw.slice(raw.indexOf('?') + 1) : '').toBe(query);
        expect(target.endsWith(raw) || target.endsWith(raw.slice(1))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(parsed).toBeGreaterThan(300);
  });

  it('leaves a path that is normal already as it is', () => {
    fc.assert(
      fc.property(mildTarget, fc.boolean(), (target, escapeAll) => {
        const once = parse(target);
        fc.pre(typeof once !== 'string' && !once.path.includes('%'));
        const { path } = once as RequestTarget;
        const escaped = escapeAll ? path.replace(/[^/]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`) : path;
        expect(parse(escaped)).toMatchObject({ path });
      }),
      { numRuns: 500 },
    );
  });

  it('decodes once', () => {
    for (let code = 0; code < 256; code += 1) {
      const hex = code.toString(16).padStart(2, '0');
      const control = code < 32 || code === 127;
      const expected = control ? REFUSED : expect.objectContaining({ path: `/a${String.fromCharCode(code)}b` });
      expect([hex, parse(`/a%${hex}b`)]).toEqual([hex, expected]);
      expect(parse(`/a%${hex.toUpperCase()}b`)).toEqual(parse(`/a%${hex}b`) === REFUSED ? REFUSED : expect.anything());
    }
    expect(parse('/%252e%252e/x')).toMatchObject({ path: '/%2e%2e/x' });
  });

  it.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a/', '/a/'],
    ['//', '/'],
    ['///a//b///', '/a/b/'],
    ['/.', '/'],
    ['/./a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/../', '/a/'],
    ['/a/./b/../../c', '/c'],
    ['/a//../b', '/b'],
    ['/%2e%2e%2fa', undefined],
    ['/a/%2e%2e/b', '/b'],
    ['/a/%2E./b', '/b'],
    ['/a%2f..%2fb', '/b'],
    ['/a%2Fb', '/a/b'],
    ['/a%2f%2fb', '/a/b'],
    ['/..a/b..', '/..a/b..'],
    ['/.../a', '/.../a'],
    ['/.hidden', '/.hidden'],
    ['/a%3fb%23c', '/a?b#c'],
    ['/a b', '/a b'],
    ['/\xe4%c3%a4', '/\xe4\xc3\xa4'],
    ['/%25', '/%'],
    ['/a;b=c', '/a;b=c'],
    ['/a\\..\\b', '/a\\..\\b'],
    ['/..', undefined],
    ['/../a', undefined],
    ['/a/../..', undefined],
    ['/a/../../b', undefined],
    ['/%2e%2e', undefined],
    ['/a/..%2f..%2fetc', undefined],
    ['/%', undefined],
    ['/%z', undefined],
    ['/%zz', undefined],
    ['/a%2', undefined],
    ['/%u0041', undefined],
    ['/%00', undefined],
    ['/a%0ab', undefined],
    ['/a%0db', undefined],
    ['/%7f', undefined],
    ['/a\tb', undefined],
    ['/a#b', undefined],
    ['/#', undefined],
    ['', undefined],
    ['a', undefined],
    ['*', undefined],
    ['?a', undefined],
    ['host:443', undefined],
    ['ftp://h/a', undefined],
    ['httpx://h/a', undefined],
    ['http:/h/a', undefined],
    ['javascript:alert(1)', undefined],
  ])('makes of %j the path %j', (target, path) => {
    expect(parse(target)).toEqual(path === undefined ? REFUSED : { path, raw: target, query: '', authority: undefined });
  });

  it('keeps the query as it came: undecoded, dots and all', () => {
    expect(parse('/a/../b?x=%2e%2e&y=%zz?/../#c')).toEqual({
      path: '/b',
      raw: '/a/../b?x=%2e%2e&y=%zz?/../#c',
      query: 'x=%2e%2e&y=%zz?/../#c',
      authority: undefined,
    });
    expect(parse('/?')).toMatchObject({ path: '/', query: '' });
  });

  it.each([
    ['http://h/a?b', { authority: 'h', raw: '/a?b', path: '/a', query: 'b' }],
    ['HTTPS://h:1/a', { authority: 'h:1', raw: '/a', path: '/a', query: '' }],
    ['http://h', { authority: 'h', raw: '/', path: '/', query: '' }],
    ['http://h?b', { authority: 'h', raw: '/?b', path: '/', query: 'b' }],
    ['http://[::1]:80/', { authority: '[::1]:80', raw: '/', path: '/', query: '' }],
    ['http://h/../a', REFUSED],
    ['http://h/a#b', REFUSED],
    ['http://h#b', REFUSED],
  ])('takes the absolute form %j apart', (target, expected) => {
    expect(parse(target)).toEqual(expected);
  });

  // The authority becomes HTTP_HOST and SERVER_NAME in place of the Host field, from which
  // applications build links.
  it.each([
    'http:///a',
    'http://:80/a',
    'http://user@h/a',
    'http://user:secret@h/a',
    'http://a b/',
    'http://<b>/',
    'http://h:x/',
    'http://h\\@e/',
  ])('holds the authority of %j to the rules of the Host header field', (target) => {
    expect(parse(target)).toBe(REFUSED);
  });
});
