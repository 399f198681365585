// The header fields that an HTTP upstream gets, and how the head of its answer is read.

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { BadHeadError } from '../../../src/fcgi/cgi-head.ts';
import { forwardedFields, interpretHttpHead } from '../../../src/http/proxy/forward-headers.ts';

/** What goes on of these names and values, for a client on a unix socket that asked for `host`. */
function forwarded(rawHeaders: readonly string[], host: string | undefined = 'a.example'): Record<string, unknown> {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = [...rawHeaders];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'connection') request.headers.connection = rawHeaders[i + 1];
  }
  return forwardedFields(request, request.socket, host);
}

const OURS = {
  Host: ['a.example'],
  'X-Forwarded-For': ['unix:'],
  'X-Forwarded-Host': ['a.example'],
  'X-Forwarded-Proto': ['http'],
};

describe('forwardedFields', () => {
  it('passes fields on as they are spelled, each as often as it came', () => {
    const fields = forwarded(['hOST', 'x', 'Accept', 'a/b', 'X-Odd-CASE', '1', 'x-odd-case', '2']);
    expect(fields).toEqual({ ...OURS, Accept: ['a/b'], 'X-Odd-CASE': ['1', '2'] });
  });

  it('keeps back what concerns one connection, and what a client names in Connection', () => {
    const hop = ['Connection', 'close, X-Mine', 'Keep-Alive', '1', 'TE', 'trailers', 'Trailer', 'x', 'Upgrade', 'h2c'];
    const more = ['Transfer-Encoding', 'chunked', 'Proxy-Connection', 'x', 'Expect', '100-continue', 'Content-Length', '9'];
    expect(forwarded([...hop, ...more, 'X-Mine', '1', 'Proxy', 'http://evil'])).toEqual(OURS);
  });

  it('does not let a client name away the Host or what the proxy says of it', () => {
    const names = 'Host, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto';
    expect(forwarded(['Host', 'a.example', 'Connection', names, 'X-Forwarded-For', '10.0.0.1'])).toEqual(OURS);
  });

  it('keeps back names that other programs fold into one another', () => {
    expect(forwarded(['X_Forwarded_For', '10.0.0.1', 'X.Real.IP', '10.0.0.1', '__proto__', 'x'])).toEqual(OURS);
  });

  it('puts what it knows of the client behind what anybody may have written', () => {
    const before = ['x-forwarded-for', '10.0.0.1', 'X-Forwarded-For', '10.0.0.2', 'X-Forwarded-Proto', 'https'];
    expect(forwarded(before)).toEqual({
      ...OURS,
      'X-Forwarded-For': ['10.0.0.1, 10.0.0.2, unix:'],
      'X-Forwarded-Proto': ['https, http'],
    });
  });

  it('takes names that objects have of their own for names like others', () => {
    expect(forwarded(['constructor', '1', 'valueOf', '2'])).toEqual({ ...OURS, constructor: ['1'], valueOf: ['2'] });
  });

  it('says nothing of a host that the client did not name', () => {
    const request = new IncomingMessage(new Socket());
    expect(forwardedFields(request, request.socket, undefined)).toEqual({
      'X-Forwarded-For': ['unix:'],
      'X-Forwarded-Proto': ['http'],
    });
  });
});

describe('interpretHttpHead', () => {
  const head = (...rawHeaders: readonly string[]) => ({ status: 200, reason: 'Fine', rawHeaders });

  it('keeps status, reason, and end-to-end fields in their order', () => {
    expect(interpretHttpHead(head('A', '1', 'Set-Cookie', 'a', 'set-cookie', 'b', 'Content-Length', '3'))).toEqual({
      kind: 'document',
      status: 200,
      reason: 'Fine',
      headers: ['A', '1', 'Set-Cookie', 'a', 'set-cookie', 'b', 'Content-Length', '3'],
      length: 3,
      streaming: false,
    });
  });

  it('keeps back what concerns the connection to the upstream', () => {
    const fields = ['Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5', 'X-Hop', '1', 'Transfer-Encoding', 'chunked'];
    expect(interpretHttpHead(head(...fields, 'Upgrade', 'h2c', 'Kept', '1')).headers).toEqual(['Kept', '1']);
  });

  it('does not take a Status field for the status, nor a Location alone for a redirect of CGI', () => {
    expect(interpretHttpHead(head('Status', '404 Not Found', 'Location', '/x'))).toMatchObject({
      status: 200,
      headers: ['Location', '/x'],
    });
  });

  it('refuses a body in a coding that it cannot undo', () => {
    expect(() => interpretHttpHead(head('Transfer-Encoding', 'gzip, chunked'))).toThrow(BadHeadError);
    expect(() => interpretHttpHead(head('Transfer-Encoding', 'identity'))).toThrow(BadHeadError);
  });

  it('says in one word how the client came when a trusted proxy has said so', () => {
    const request = new IncomingMessage(new Socket());
    request.rawHeaders = ['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'ftp, https'];
    const peer = { proxied: true, https: true, remoteAddress: '192.0.2.1' };
    expect(forwardedFields(request, peer, undefined)).toEqual({
      'X-Forwarded-For': ['192.0.2.1, unix:'],
      'X-Forwarded-Proto': ['https'],
    });
  });
});
