// parseBalance and balanceText: every name an operator may write, and what is said of the rest.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balanceText, parseBalance, parseStickySecret } from '../../../src/config/balance.ts';
import { ConfigError } from '../../../src/core/errors.ts';
import { NAMES } from '../../support/parts/balancer-parts.ts';

describe('parseBalance', () => {
  it.each(NAMES.filter((name) => name !== 'hash' && name !== 'sticky'))('knows %s', (name) => {
    expect(parseBalance(name)).toEqual({ name });
    expect(balanceText(parseBalance(name))).toBe(name);
  });

  it.each([
    ['hash:$remote_addr', { kind: 'remote-addr' }],
    ['hash:$request_uri', { kind: 'request-uri' }],
    ['hash:$http_x_tenant_id', { kind: 'header', name: 'x-tenant-id' }],
    ['hash:$http_authorization', { kind: 'header', name: 'authorization' }],
    ['hash:$cookie_RT_SID', { kind: 'cookie', name: 'RT_SID' }],
    ['hash:$cookie_session-id', { kind: 'cookie', name: 'session-id' }],
  ])('reads %s', (text, key) => {
    expect(parseBalance(text)).toEqual({ name: 'hash', key });
    expect(balanceText(parseBalance(text))).toBe(text);
  });

  it('takes the name of a header in any case, as headers are, and that of a cookie as it is', () => {
    expect(parseBalance('hash:$http_X_Tenant')).toEqual(parseBalance('hash:$http_x-tenant'));
    expect(parseBalance('hash:$cookie_A')).not.toEqual(parseBalance('hash:$cookie_a'));
  });

  it('comes back from its text for every key', () => {
    fc.assert(
      fc.property(fc.constantFrom('http', 'cookie'), fc.stringMatching(/^[A-Za-z0-9_-]+$/), (kind, name) => {
        const balance = parseBalance(`hash:$${kind}_${name}`);
        expect(parseBalance(balanceText(balance))).toEqual(balance);
      }),
    );
  });

  it.each(['route', 'RT_SID', '__Host-route', "!#$%&'*+.^_`|~-"])(
    'reads sticky:%s, a cookie as RFC 6265 lets it be called',
    (cookie) => {
      expect(parseBalance(`sticky:${cookie}`)).toEqual({ name: 'sticky', cookie });
      expect(balanceText(parseBalance(`sticky:${cookie}`))).toBe(`sticky:${cookie}`);
    },
  );

  it.each(['', 'a b', 'a=b', 'a;b', 'a,b', '"a"', 'a\u0007', 'é', 'a/b'])(
    'refuses the cookie name %j and says what one is',
    (cookie) => {
      const expected = `cookie name '${cookie}': expected letters, digits and !#$%&'*+.^_\`|~-`;
      expect(() => parseBalance(`sticky:${cookie}`)).toThrow(new ConfigError(expected));
    },
  );

  it.each(['', 'fastest', 'sticky', 'hash', 'Least-Conn', ' first', 'least_conn', 'first:1'])(
    'refuses %j with the list of names',
    (text) => {
      const expected = `'${text}' is not known; expected round-robin, least-conn, first, random-two, least-time, hash:KEY or sticky:COOKIE`;
      expect(() => parseBalance(text)).toThrow(new ConfigError(expected));
    },
  );

  it.each([
    '',
    'remote_addr',
    '$uri',
    '$http_',
    '$cookie_',
    '$cookie_a b',
    '$cookie_a;',
    '$http_é',
    '$remote_addr$request_uri',
    '$remote_addr ',
  ])('refuses the key %j and says what a key is', (key) => {
    const expected = `hash key '${key}': expected $remote_addr, $request_uri, $http_NAME or $cookie_NAME`;
    expect(() => parseBalance(`hash:${key}`)).toThrow(new ConfigError(expected));
  });
});

describe('parseStickySecret', () => {
  it('takes what stands in a file, without the space around it', () => {
    expect(parseStickySecret('  0123456789abcdef\n')).toBe('0123456789abcdef');
  });

  it.each(['', '\n', '0123456789abcde', '        secret        '])('refuses %j: it could be guessed', (text) => {
    expect(() => parseStickySecret(text)).toThrow(/^a secret of \d+ bytes is too short: expected at least 16 random ones$/);
  });
});
