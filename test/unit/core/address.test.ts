// Addresses as operators write them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress, parseUpstreamAddress, unixAddress } from '../../../src/core/address.ts';
import { ConfigError } from '../../../src/core/errors.ts';

describe('parseAddress', () => {
  it.each(['/run/rt1.sock', 'unix:/run/rt1.sock'])('reads %s as a socket path', (text) => {
    expect(parseAddress(text)).toEqual({ kind: 'unix', path: '/run/rt1.sock', text: '/run/rt1.sock' });
  });

  it.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080, '127.0.0.1:8080'],
    ['localhost:0', 'localhost', 0, 'localhost:0'],
    ['worker-1.example.org:65535', 'worker-1.example.org', 65_535, 'worker-1.example.org:65535'],
    ['[::1]:80', '::1', 80, '[::1]:80'],
    ['[fe80::1%eth0]:9000', 'fe80::1%eth0', 9000, '[fe80::1%eth0]:9000'],
  ])('reads %s as a host and a port', (text, host, port, shown) => {
    expect(parseAddress(text)).toEqual({ kind: 'tcp', host, port, text: shown });
  });

  it('takes a path by its slash, whatever else is in it', () => {
    expect(parseAddress('./a.sock')).toMatchObject({ kind: 'unix', path: './a.sock' });
    expect(parseAddress('unix:a.sock')).toMatchObject({ kind: 'unix', path: 'a.sock' });
    expect(parseAddress('/run/a:9000')).toMatchObject({ kind: 'unix', path: '/run/a:9000' });
  });

  it.each([
    '',
    ' ',
    '8080',
    ':8080',
    'localhost',
    'localhost:',
    'localhost:http',
    'a:65536',
    'a:123456',
    'a:-1',
    '::1:80',
    '[::1]',
    '[::1]:',
    '[a]:80',
    'a b:80',
    'a:80 ',
    'a:80\n',
  ])('refuses %j and says what it expects', (text) => {
    expect(() => parseAddress(text)).toThrow(
      new ConfigError(`address '${text}': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH`),
    );
  });

  it('refuses an empty path, and URLs, in words of their own', () => {
    expect(() => parseAddress('unix:')).toThrow("a path is expected after 'unix:'");
    for (const url of ['http://127.0.0.1:80', 'fcgi://a/b', 'HTTPS://a'])
      expect(() => parseAddress(url)).toThrow('URLs are not supported');
  });

  it('counts the bytes of a path, not its characters: 107 fit, 108 would be cut by the kernel', () => {
    const path = (bytes: number): string => `/${'a'.repeat(bytes - 1)}`;
    expect(unixAddress(path(107))).toMatchObject({ path: path(107) });
    expect(() => unixAddress(path(108))).toThrow('is 108 bytes long; unix sockets allow 107');
    expect(() => parseAddress(`/${'ä'.repeat(54)}`)).toThrow('is 109 bytes long');
  });

  it('throws nothing but ConfigError, and reads its own text the same way again', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...'a1:[]/.% -'), { maxLength: 14 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        try {
          const address = parseAddress(written);
          if (address.kind === 'tcp' || address.text.includes('/')) expect(parseAddress(address.text)).toEqual(address);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseUpstreamAddress', () => {
  it.each([
    ['http://127.0.0.1:8000', false, { kind: 'tcp', host: '127.0.0.1', port: 8000 }, '127.0.0.1:8000'],
    ['http://app.example', false, { kind: 'tcp', host: 'app.example', port: 80 }, 'app.example'],
    ['https://app.example', true, { kind: 'tcp', host: 'app.example', port: 443 }, 'app.example'],
    ['https://[::1]:8443', true, { kind: 'tcp', host: '::1', port: 8443 }, '[::1]:8443'],
    ['http+unix:/run/app.sock', false, { kind: 'unix', path: '/run/app.sock' }, 'localhost'],
  ])('reads %s as an HTTP server', (text, secure, socket, authority) => {
    expect(parseUpstreamAddress(text)).toMatchObject({ kind: 'http', secure, socket, authority, text });
  });

  it('gives one server one text, however it is written', () => {
    for (const text of ['http://a:80', 'HTTP://a/', 'http://a']) expect(parseUpstreamAddress(text).text).toBe('http://a');
    expect(parseUpstreamAddress('https://a:443/').text).toBe('https://a');
    expect(parseUpstreamAddress('https://a:80').text).toBe('https://a:80');
  });

  it('takes what has no scheme for a FastCGI worker', () => {
    for (const text of ['/run/a.sock', 'unix:/run/a.sock', '127.0.0.1:9000'])
      expect(parseUpstreamAddress(text)).toEqual(parseAddress(text));
  });

  it.each([
    ['http://', 'expected http://HOST:PORT and nothing after it'],
    ['http://a/b', 'requests keep their own path'],
    ['http://a?b', 'nothing after it'],
    ['http://user@a', 'nothing after it'],
    ['http://a:99999', 'expected HOST:PORT'],
    ['fcgi://a', 'expected http://HOST:PORT, https://HOST:PORT or http+unix:/PATH'],
    ['http+unix:', 'expected an absolute path'],
    ['http+unix:app.sock', 'expected an absolute path'],
    ['http+unix:///run/app.sock', 'expected an absolute path'],
    [`http+unix:/${'a'.repeat(107)}`, 'unix sockets allow 107'],
  ])('refuses %j and says what it expects', (text, why) => {
    expect(() => parseUpstreamAddress(text)).toThrow(ConfigError);
    expect(() => parseUpstreamAddress(text)).toThrow(why);
  });
});
