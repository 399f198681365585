// What the probe `request` says to a worker, and what is made of failures to reach one.

import { describe, expect, it } from 'vitest';
import type { ProbeQuestion } from '../../../src/config/health.ts';
import { ConfigError, ProxyError } from '../../../src/core/errors.ts';
import { failedAnswer } from '../../../src/health/failed-answer.ts';
import { probeParams } from '../../../src/health/probe-request.ts';
import { RequestProbe } from '../../../src/health/request-probe.ts';
import { EXPECT } from '../../support/parts/probed.ts';

type RequestQuestion = Extract<ProbeQuestion, { readonly kind: 'request' }>;

function question(uri: string, params: Readonly<Record<string, string>> = {}, method: 'GET' | 'HEAD' = 'GET'): RequestQuestion {
  return { kind: 'request', method, uri, params: new Map(Object.entries(params)), expect: EXPECT };
}

function said(...parts: Parameters<typeof question>): Readonly<Record<string, string>> {
  return Object.fromEntries(probeParams(question(...parts)));
}

describe('the parameters of a probe', () => {
  it('say what RFC 3875 wants, for an application mounted at /, and who asks', () => {
    expect(said('/a/ping?full=1')).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'fcgi-lb',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'localhost',
      SERVER_ADDR: '127.0.0.1',
      SERVER_PORT: '80',
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_PORT: '0',
      REQUEST_SCHEME: 'http',
      REDIRECT_STATUS: '200',
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/a/ping?full=1',
      DOCUMENT_URI: '/a/ping',
      QUERY_STRING: 'full=1',
      HTTP_HOST: 'localhost',
      HTTP_USER_AGENT: 'fcgi-lb probe',
      SCRIPT_NAME: '',
      PATH_INFO: '/a/ping',
      SCRIPT_FILENAME: '',
      PATH_TRANSLATED: '/a/ping',
      REDIRECT_URL: '/a/ping',
    });
  });

  it('have the path decoded where CGI has it decoded', () => {
    expect(said('/caf%C3%A9%20bar?x=%20')).toMatchObject({
      REQUEST_URI: '/caf%C3%A9%20bar?x=%20',
      QUERY_STRING: 'x=%20',
      PATH_INFO: '/café bar',
      DOCUMENT_URI: '/café bar',
    });
    expect(said('/100%')).toMatchObject({ PATH_INFO: '/100%' });
  });

  it('are the operator’s where the operator sets them', () => {
    const set = { HTTP_HOST: 'rt.example.org', SCRIPT_NAME: '/rt', HTTPS: 'on', REQUEST_METHOD: 'OPTIONS' };
    expect(said('/', set)).toMatchObject(set);
  });

  it('name a script as PHP is used to when the operator names its file', () => {
    const params = said('/health.php', { SCRIPT_FILENAME: '/srv/www/health.php' });
    expect(params).toMatchObject({ SCRIPT_NAME: '/health.php', SCRIPT_FILENAME: '/srv/www/health.php' });
    for (const name of ['PATH_INFO', 'PATH_TRANSLATED', 'REDIRECT_URL']) expect(params).not.toHaveProperty(name);
  });

  it('that no worker takes are the operator’s mistake', () => {
    expect(() => new RequestProbe(question('/', { X: 'x'.repeat(70_000) }))).toThrow(ConfigError);
    expect(() => new RequestProbe(question('/', { X: 'é'.repeat(40_000) }))).toThrow(/larger than a worker takes/);
  });
});

describe('a failure on the way to an answer', () => {
  const failed = (code: ConstructorParameters<typeof ProxyError>[0], text: string, cause?: string) =>
    failedAnswer(
      new ProxyError(code, `/run/rt1.sock: ${text}`, {
        upstream: '/run/rt1.sock',
        cause: cause === undefined ? undefined : Object.assign(new Error(text), { code: cause }),
      }),
    );

  it('is told without the upstream’s name', () => {
    expect(failed('FCGI_LB_UPSTREAM_CLOSED', 'closed the connection')).toEqual({ kind: 'bad', reason: 'closed the connection' });
    expect(failed('FCGI_LB_CONNECT_REFUSED', 'x', 'ECONNREFUSED')).toEqual({ kind: 'bad', reason: 'refused: nothing listens' });
    expect(failed('FCGI_LB_CONNECT_DENIED', 'x', 'EACCES')).toEqual({ kind: 'bad', reason: 'permission denied' });
  });

  it('is not the upstream’s when it is we who have nothing left to connect with', () => {
    for (const cause of ['EMFILE', 'ENFILE', 'ENOBUFS']) {
      expect(failed('FCGI_LB_CONNECT_FAILED', 'x', cause)).toEqual({ kind: 'unasked', reason: `cannot connect: ${cause}` });
    }
    expect(failed('FCGI_LB_CONNECT_FAILED', 'no route', 'EHOSTUNREACH')).toEqual({ kind: 'bad', reason: 'no route' });
  });
});
