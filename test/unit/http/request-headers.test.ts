// HeaderReader: which of a client's header fields become parameters, under which name, with which
// value.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/core/errors.ts';
import { HeaderReader } from '../../../src/http/request/headers.ts';

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** The parameters of one request, as a list of pairs. */
function paramsOf(reader: HeaderReader, fields: Fields): Fields {
  const { names, values } = reader.read(fields.flat());
  expect(names.length).toBe(values.length);
  return names.map((name, index) => [name, values[index] ?? 'missing'] as const);
}

const read = (...fields: Fields): Fields => paramsOf(new HeaderReader(), fields);

function refusal(...fields: Fields): string {
  try {
    read(...fields);
  } catch (error) {
    if (error instanceof ProxyError) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('HeaderReader', () => {
  it('makes HTTP_ parameters in the order of the fields', () => {
    expect(read(['Accept', '*/*'], ['X-Request-Id', 'a'], ['user-agent', 'u'], ['X2', ''])).toEqual([
      ['HTTP_ACCEPT', '*/*'],
      ['HTTP_X_REQUEST_ID', 'a'],
      ['HTTP_USER_AGENT', 'u'],
      ['HTTP_X2', ''],
    ]);
    expect(read()).toEqual([]);
  });

  it.each(['Proxy', 'proxy', 'PROXY', 'pRoXy'])('never makes HTTP_PROXY of %s (httpoxy)', (name) => {
    expect(read([name, 'http://evil'], ['A', 'b'])).toEqual([['HTTP_A', 'b']]);
  });

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Transfer-Encoding',
    'Content-Length',
    'content-length',
  ])('keeps %s to itself', (name) => {
    expect(read([name, 'x'])).toEqual([]);
  });

  it.each([
    'X_Forwarded_For',
    'Content_Length',
    'X.Real.Ip',
    'Remote_User',
    'X-A_B',
    'Pro_xy',
    'X Y',
    "X'Y",
    'X!',
    'X~Y',
    'Ä',
    'X\0Y',
    '',
  ])('drops the name %j, which another program could take for a different one', (name) => {
    expect(read([name, 'x'], ['A', 'b'])).toEqual([['HTTP_A', 'b']]);
  });

  it('cannot be made to say what the front end says: every parameter begins with HTTP_', () => {
    for (const name of ['Remote-User', 'Remote-Addr', 'Auth-Type', 'Script-Filename', 'Https', 'Path-Info', 'PHP-Value']) {
      expect(read([name, 'x']).every(([param]) => param.startsWith('HTTP_'))).toBe(true);
    }
  });

  it('joins fields of one name with a comma, cookies with a semicolon', () => {
    expect(read(['Accept', 'a'], ['Cookie', 'x=1'], ['Accept', 'b'], ['Cookie', 'y=2'], ['Accept', 'c'])).toEqual([
      ['HTTP_ACCEPT', 'a, b, c'],
      ['HTTP_COOKIE', 'x=1; y=2'],
    ]);
  });

  it('takes every spelling of a name for the same one, whichever it has seen before', () => {
    const spellings = ['X-Fwd', 'x-fwd', 'X-FWD', 'x-Fwd'];
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(...spellings), { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
        (requests) => {
          const reader = new HeaderReader();
          for (const names of requests) {
            const fields = names.map((name, index) => [name, `v${index}`] as const);
            expect(paramsOf(reader, fields)).toEqual([['HTTP_X_FWD', fields.map(([, value]) => value).join(', ')]]);
          }
        },
      ),
    );
  });

  it('gives Content-Type apart, and refuses two', () => {
    const { contentType, names } = new HeaderReader().read(['content-TYPE', 'text/plain', 'A', 'b']);
    expect([contentType, names]).toEqual(['text/plain', ['HTTP_A']]);
    expect(new HeaderReader().read(['A', 'b']).contentType).toBeUndefined();
    expect(refusal(['Content-Type', 'a/b'], ['content-type', 'a/b'])).toBe('400 two Content-Type header fields');
  });

  it('gives Host as a parameter and apart, and refuses two, in any spelling', () => {
    const { host, names, values } = new HeaderReader().read(['hOsT', 'a.example:81']);
    expect([host, names, values]).toEqual(['a.example:81', ['HTTP_HOST'], ['a.example:81']]);
    expect(refusal(['Host', 'a'], ['Host', 'a'])).toBe('400 two Host header fields');
    expect(refusal(['Host', 'a'], ['X', 'y'], ['HOST', 'b'])).toBe('400 two Host header fields');
  });

  it.each(['a', 'a.example', 'a.example:8080', '127.0.0.1', '[::1]', '[::1]:80', 'a_b', 'a:', '', 'xn--bcher-kva.example'])(
    'takes %j for a host',
    (host) => {
      expect(read(['Host', host])).toEqual([['HTTP_HOST', host]]);
    },
  );

  it.each([
    'a b',
    'a/b',
    'a@b',
    'user:secret@a',
    'a:80:80',
    'a:x',
    'a:123456',
    '<b>',
    'a"',
    'a\\b',
    '[::1',
    '::1',
    '[a]b',
    'ä',
    'a, b',
    'a?b',
    'a#b',
    'a\tb',
  ])('refuses %j for a host', (host) => {
    expect(refusal(['Host', host])).toBe('400 the Host header field is not a host');
  });

  it('leaves the bytes of values alone', () => {
    const value = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    expect(read(['X', value])).toEqual([['HTTP_X', value]]);
  });

  it('forgets names that strangers chose, and reads on rightly', () => {
    const reader = new HeaderReader();
    for (let request = 0; request < 60; request += 1) {
      const fields: Fields = Array.from({ length: 50 }, (_, index) => [`X-${request}-${index}`, `${index}`] as const);
      const params = paramsOf(reader, [['Accept', 'a'], ...fields, ['ACCEPT', 'b'], ['Proxy', 'x'], ['Host', 'h']]);
      expect(params[0]).toEqual(['HTTP_ACCEPT', 'a, b']);
      expect(params.length).toBe(52);
    }
  });

  it('reads more than a thousand names in one request', () => {
    const reader = new HeaderReader();
    const fields: Fields = Array.from({ length: 1500 }, (_, index) => [`X-${index}`, `${index}`] as const);
    const joined = fields.map(([name, value]) => [`HTTP_${name.replace('-', '_')}`, `${value}, ${value}`]);
    expect(paramsOf(reader, [...fields, ...fields])).toEqual(joined);
    expect(paramsOf(reader, [...fields, ...fields])).toEqual(joined);
  });

  it('is not confused by what the request before it held, not even by one that was refused', () => {
    const reader = new HeaderReader();
    const field = fc.tuple(
      fc.constantFrom('Accept', 'accept', 'Cookie', 'Host', 'host', 'Content-Type', 'X_Y', 'Te'),
      fc.constantFrom('a', 'b c', ''),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
        const run = (with_: HeaderReader): unknown => {
          try {
            return with_.read(fields.flat());
          } catch (error) {
            if (error instanceof ProxyError) return error.message;
            throw error;
          }
        };
        expect(run(reader)).toEqual(run(new HeaderReader()));
      }),
      { numRuns: 500 },
    );
  });
});
