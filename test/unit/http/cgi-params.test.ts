// CgiParams: what a worker is told about a request, in both modes, and what the operator's own
// parameters replace.

import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/core/errors.ts';
import { ParamsTooLargeError } from '../../../src/fcgi/encode.ts';
import { CgiParams, type CgiRequest, type CgiSettings } from '../../../src/http/proxy/cgi-params.ts';
import { HeaderReader } from '../../../src/http/request/headers.ts';
import { parseTarget } from '../../../src/http/request/target.ts';
import { readRecords } from '../../support/fuzz/wire.ts';
import { connectionBetween, paramsIn } from '../../support/parts/fastcgi-head.ts';

const TCP = connectionBetween({ remoteAddress: '192.0.2.7', remotePort: 5555, localAddress: '198.51.100.1', localPort: 8080 });
const APPLICATION: CgiSettings['mode'] = { kind: 'application', root: undefined };
const PHP: CgiSettings['mode'] = { kind: 'php', root: '/srv/www', index: 'index.php' };

interface Options {
  readonly mode?: CgiSettings['mode'];
  readonly params?: Record<string, string>;
}

function cgiParams({ mode = APPLICATION, params = {} }: Options = {}): CgiParams {
  return new CgiParams({ mode, params: new Map(Object.entries(params)), software: 'fcgi-lb/test' });
}

interface Asked extends Partial<Omit<CgiRequest, 'target' | 'headers'>> {
  readonly target?: string;
  readonly headers?: readonly string[];
}

function request({ target = '/', headers = ['Host', 'tickets.example:8080'], ...rest }: Asked = {}): CgiRequest {
  return {
    method: 'GET',
    protocol: 'HTTP/1.1',
    target: parseTarget(target),
    headers: new HeaderReader().read(headers),
    bodyLength: undefined,
    socket: TCP,
    ...rest,
  };
}

const told = (asked: Asked = {}, options: Options = {}): Record<string, string> =>
  paramsIn(cgiParams(options).encode(request(asked)));

describe('the parameters of an application', () => {
  it('are these and no others', () => {
    const headers = ['Host', 'tickets.example:8080', 'Accept', '*/*', 'Content-Type', 'text/plain'];
    expect(told({ method: 'POST', target: '/a%20b/../c?x=%201', headers, bodyLength: 12 })).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'fcgi-lb/test',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'tickets.example',
      SERVER_ADDR: '198.51.100.1',
      SERVER_PORT: '8080',
      REMOTE_ADDR: '192.0.2.7',
      REMOTE_PORT: '5555',
      REQUEST_METHOD: 'POST',
      REQUEST_SCHEME: 'http',
      REQUEST_URI: '/a%20b/../c?x=%201',
      DOCUMENT_URI: '/c',
      QUERY_STRING: 'x=%201',
      SCRIPT_NAME: '',
      PATH_INFO: '/c',
      CONTENT_TYPE: 'text/plain',
      CONTENT_LENGTH: '12',
      REDIRECT_STATUS: '200',
      HTTP_HOST: 'tickets.example:8080',
      HTTP_ACCEPT: '*/*',
    });
  });

  it('say no more about a body than there is', () => {
    expect(told()).not.toHaveProperty('CONTENT_LENGTH');
    expect(told()).not.toHaveProperty('CONTENT_TYPE');
    expect(told({ bodyLength: 0 })).toMatchObject({ CONTENT_LENGTH: '0' });
  });

  it('come with the empty STDIN record exactly when there is no body', () => {
    const last = (bodyLength: number | undefined): number | undefined =>
      readRecords(cgiParams().encode(request({ bodyLength }))).at(-1)?.type;
    expect([last(undefined), last(0), last(1)]).toEqual([5, 5, 4]);
  });

  it('name the root if there is one, without a slash at its end, in UTF-8', () => {
    expect(told()).not.toHaveProperty('DOCUMENT_ROOT');
    expect(told({}, { mode: { kind: 'application', root: '/srv/ä//' } })['DOCUMENT_ROOT']).toBe('/srv/\xc3\xa4');
  });

  it('keep the decoded path as bytes', () => {
    expect(told({ target: '/%c3%a4\xe4' })).toMatchObject({ PATH_INFO: '/\xc3\xa4\xe4', REQUEST_URI: '/%c3%a4\xe4' });
  });

  it('carry header bytes as they came', () => {
    expect(told({ headers: ['X', 'caf\xe9 \xc3\xa9'] })['HTTP_X']).toBe('caf\xe9 \xc3\xa9');
  });
});

describe('names and addresses', () => {
  it.each([
    ['a.example', 'a.example'],
    ['a.example:80', 'a.example'],
    ['[::1]:80', '[::1]'],
    ['[::1]', '[::1]'],
    ['', '198.51.100.1'],
  ])('with Host %j make the server name %s', (host, name) => {
    expect(told({ headers: ['Host', host] })).toMatchObject({ SERVER_NAME: name, HTTP_HOST: host });
  });

  it('make the server name the address when no host is named', () => {
    const params = told({ headers: [] });
    expect(params['SERVER_NAME']).toBe('198.51.100.1');
    expect(params).not.toHaveProperty('HTTP_HOST');
  });

  it('of an absolute-form target override the Host field', () => {
    expect(told({ target: 'http://b.example:81/x' })).toMatchObject({
      HTTP_HOST: 'b.example:81',
      SERVER_NAME: 'b.example',
      REQUEST_URI: '/x',
    });
  });

  it('on a unix socket say so, and name port 80, which links leave out', () => {
    expect(told({ socket: connectionBetween({}), headers: [] })).toMatchObject({
      REMOTE_ADDR: 'unix:',
      REMOTE_PORT: '',
      SERVER_ADDR: 'unix:',
      SERVER_PORT: '80',
    });
  });

  it('show an IPv4 client of an IPv6 listener as what it is', () => {
    const socket = connectionBetween({
      remoteAddress: '::ffff:192.0.2.7',
      remotePort: 1,
      localAddress: '2001:db8::1',
      localPort: 80,
    });
    expect(told({ socket })).toMatchObject({ REMOTE_ADDR: '192.0.2.7', SERVER_ADDR: '2001:db8::1' });
  });

  it('belong to the connection the request came on', () => {
    const params = cgiParams();
    const other = connectionBetween({ remoteAddress: '192.0.2.8', remotePort: 1, localAddress: '198.51.100.1', localPort: 8080 });
    for (const socket of [TCP, other, TCP]) {
      expect(paramsIn(params.encode(request({ socket })))['REMOTE_ADDR']).toBe(socket.remoteAddress);
    }
  });

  it('never name a user that a client claims to be', () => {
    const headers = ['Remote-User', 'root', 'Remote_User', 'root', 'Auth-User', 'root', 'Authorization', 'Basic cm9vdDp4'];
    const params = told({ headers });
    expect(params).not.toHaveProperty('REMOTE_USER');
    expect(params).not.toHaveProperty('HTTP_PROXY');
    expect(params['HTTP_REMOTE_USER']).toBe('root');
  });
});

describe('the parameters of a PHP script', () => {
  it('name its file below the root, and no path info when there is none', () => {
    const params = told({ target: '/app/a.php?x=1' }, { mode: PHP });
    expect(params).toMatchObject({
      DOCUMENT_ROOT: '/srv/www',
      SCRIPT_NAME: '/app/a.php',
      SCRIPT_FILENAME: '/srv/www/app/a.php',
      DOCUMENT_URI: '/app/a.php',
      QUERY_STRING: 'x=1',
    });
    expect(params).not.toHaveProperty('PATH_INFO');
    expect(params).not.toHaveProperty('PATH_TRANSLATED');
  });

  it('split what follows .php off as path info', () => {
    expect(told({ target: '/a.php/b/c' }, { mode: PHP })).toMatchObject({
      SCRIPT_NAME: '/a.php',
      SCRIPT_FILENAME: '/srv/www/a.php',
      PATH_INFO: '/b/c',
      PATH_TRANSLATED: '/srv/www/b/c',
      DOCUMENT_URI: '/a.php/b/c',
    });
  });

  it('stay below the root whatever is asked for', () => {
    for (const target of ['/a/../../etc/passwd', '/%2e%2e/etc', '/a.php%00.jpg', '/a%0a.php']) {
      expect(() => told({ target }, { mode: PHP })).toThrow(ProxyError);
    }
    expect(told({ target: '/x/..%2fa.php' }, { mode: PHP })['SCRIPT_FILENAME']).toBe('/srv/www/a.php');
  });

  it('have one slash after a root that ends in some', () => {
    expect(told({ target: '/a.php' }, { mode: { ...PHP, root: '/srv/www//' } })['SCRIPT_FILENAME']).toBe('/srv/www/a.php');
    expect(told({ target: '/a.php' }, { mode: { ...PHP, root: '/' } })['SCRIPT_FILENAME']).toBe('/a.php');
  });
});

describe("the operator's parameters", () => {
  const asked: Asked = {
    method: 'POST',
    target: '/a.php/b?c',
    headers: ['Host', 'h', 'Content-Type', 'text/plain', 'X-Test', 'client', 'X-Test', 'client'],
    bodyLength: 5,
  };

  it.each([
    ['an application', { kind: 'application', root: '/srv' }],
    ['PHP', PHP],
  ] as const)('replace every parameter that we send for %s, and only the one they name', (_, mode) => {
    const plain = told(asked, { mode });
    expect(Object.keys(plain).length).toBeGreaterThan(20);
    for (const name of Object.keys(plain)) {
      expect(told(asked, { mode, params: { [name]: 'replaced' } })).toEqual({ ...plain, [name]: 'replaced' });
    }
  });

  it('are added, empty ones too, in UTF-8', () => {
    expect(told({}, { params: { HTTPS: 'on', EMPTY: '', RT_NAME: 'Ärger' } })).toMatchObject({
      HTTPS: 'on',
      EMPTY: '',
      RT_NAME: '\xc3\x84rger',
    });
  });

  it('win over a client header even when the client sends none', () => {
    expect(told({}, { params: { HTTP_X_TEST: 'ours', REMOTE_USER: 'alice' } })).toMatchObject({
      HTTP_X_TEST: 'ours',
      REMOTE_USER: 'alice',
    });
  });

  it('may be more than one record holds, but each must fit in one, or it is refused at the start', () => {
    const params = { A: 'x'.repeat(40_000), B: 'y'.repeat(40_000), C: 'z'.repeat(65_000) };
    expect(told({}, { params })).toMatchObject(params);
    expect(() => cgiParams({ params: { BIG: 'x'.repeat(65_536) } })).toThrow(ParamsTooLargeError);
  });
});

describe('a request that is too large to be told', () => {
  const code = (headers: readonly string[]): string => {
    try {
      told({ headers });
    } catch (error) {
      if (error instanceof ProxyError) return `${error.status} ${error.code}`;
      throw error;
    }
    return 'fits';
  };

  it('is refused with 431: by one field', () => {
    expect(code(['X', 'x'.repeat(65_000)])).toBe('fits');
    expect(code(['X', 'x'.repeat(65_536)])).toBe('431 FCGI_LB_REQUEST_HEADERS_TOO_LARGE');
  });

  it('is refused with 431: by all fields together', () => {
    const fields = (count: number): readonly string[] =>
      Array.from({ length: count }, (_, i) => [`X${i}`, 'x'.repeat(60_000)]).flat();
    expect(code(fields(16))).toBe('fits');
    expect(code(fields(18))).toBe('431 FCGI_LB_REQUEST_HEADERS_TOO_LARGE');
  });

  it('leaves nothing behind for the next one', () => {
    const params = cgiParams();
    expect(() => params.encode(request({ headers: ['X', 'x'.repeat(70_000)] }))).toThrow(ProxyError);
    expect(paramsIn(params.encode(request()))).toEqual(told());
  });
});
