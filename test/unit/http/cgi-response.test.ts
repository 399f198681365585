// interpretHead: what a worker's head means for the client, and which heads must not reach one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadHeadError, CgiHeadReader } from '../../../src/fcgi/cgi-head.ts';
import { interpretHead, type LocalRedirect } from '../../../src/http/proxy/cgi-response.ts';
import type { DocumentHead } from '../../../src/http/response/document-head.ts';

/** The meaning of a head with these lines. */
function meaning(...lines: readonly string[]): DocumentHead | LocalRedirect {
  const head = new CgiHeadReader(65_536).push(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  if (head === undefined) throw new Error('the head is incomplete');
  return interpretHead(head.fields);
}

function document(...lines: readonly string[]): DocumentHead {
  const head = meaning(...lines);
  if (head.kind !== 'document') throw new Error(`a redirect to ${head.location}`);
  return head;
}

describe('the status', () => {
  it('is 200 without a reason unless the worker says otherwise', () => {
    expect(document('Content-Type: text/plain')).toEqual({
      kind: 'document',
      status: 200,
      reason: '',
      headers: ['Content-Type', 'text/plain'],
      length: undefined,
      streaming: false,
    });
  });

  it.each([
    ['404', 404, ''],
    ['404 Not Found', 404, 'Not Found'],
    ['404  \t two  spaces', 404, 'two  spaces'],
    ['200', 200, ''],
    ['204 No Content', 204, 'No Content'],
    ['299 caf\xe9', 299, 'caf\xe9'],
    ['999 Blocked', 999, 'Blocked'],
  ])('is taken from Status: %s', (value, status, reason) => {
    expect(document('A: b', `Status: ${value}`)).toMatchObject({ status, reason, headers: ['A', 'b'] });
    expect(document(`sTATUS: ${value}`)).toMatchObject({ status, reason, headers: [] });
  });

  it.each([
    '',
    '20',
    '2000',
    '100 Continue',
    '101',
    '000',
    '-1',
    'OK',
    '200OK',
    '200.5',
    '+200',
    '0200',
    '1e2',
    '200-OK',
    'HTTP/1.1 200 OK',
    '٢٠٠',
  ])('is no status in Status: %j', (value) => {
    expect(() => meaning(`Status: ${value}`)).toThrow(BadHeadError);
  });

  it('may be said twice, but not in two ways', () => {
    expect(document('Status: 404', 'Status: 404')).toMatchObject({ status: 404, headers: [] });
    expect(() => meaning('Status: 404', 'Status: 200')).toThrow('two different Status headers');
    expect(() => meaning('Status: 404', 'status: 404 Not Found')).toThrow(BadHeadError);
  });
});

describe('Location', () => {
  it.each(['http://h/x', 'https://h/x', '//h/x', 'x', '../x', '?x', '', '#x'])('without Status makes a 302 of %j', (location) => {
    expect(document(`Location: ${location}`)).toMatchObject({ status: 302, reason: '', headers: ['Location', location] });
  });

  it.each(['/x', '/x?a=b', '/'])('alone, with a path, sends the server elsewhere: %s', (location) => {
    expect(meaning(`Location: ${location}`)).toEqual({ kind: 'local-redirect', location });
  });

  it('with a path and anything beside it is for the client', () => {
    expect(document('Location: /x', 'Content-Type: text/html')).toMatchObject({
      status: 302,
      headers: ['Location', '/x', 'Content-Type', 'text/html'],
    });
    expect(document('Set-Cookie: a=b', 'Location: /x')).toMatchObject({ status: 302 });
  });

  it('with a Status is for the client, with that status', () => {
    expect(document('Status: 301 Moved', 'Location: /x')).toMatchObject({
      status: 301,
      reason: 'Moved',
      headers: ['Location', '/x'],
    });
    expect(document('Location: /x', 'Status: 200')).toMatchObject({ status: 200, headers: ['Location', '/x'] });
    expect(document('Status: 201', 'Location: http://h/1')).toMatchObject({ status: 201 });
  });
});

describe('Content-Length', () => {
  it('is kept and passed on', () => {
    expect(document('content-length: 12')).toMatchObject({ length: 12, headers: ['content-length', '12'] });
    expect(document('Content-Length: 0')).toMatchObject({ length: 0 });
    expect(document('Content-Length: 999999999999999')).toMatchObject({ length: 999_999_999_999_999 });
  });

  it('is passed on once when it is said twice', () => {
    const head = document('Content-Length: 12', 'A: b', 'CONTENT-LENGTH: 12');
    expect(head).toMatchObject({ length: 12, headers: ['Content-Length', '12', 'A', 'b'] });
  });

  it('said in two ways condemns the answer', () => {
    expect(() => meaning('Content-Length: 12', 'Content-Length: 13')).toThrow('two different Content-Length headers');
    expect(() => meaning('Content-Length: 0', 'Content-Length: 1')).toThrow(BadHeadError);
  });

  it.each(['', '-1', '+1', '1.0', '0x10', '1e3', '12, 12', '12 12', 'abc', '1234567890123456', '１２'])(
    'that says %j condemns the answer',
    (value) => {
      expect(() => meaning(`Content-Length: ${value}`)).toThrow(BadHeadError);
    },
  );
});

describe('the other fields', () => {
  it.each(['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'transfer-ENCODING'])(
    '%s is about another connection and does not reach the client',
    (name) => {
      expect(document(`${name}: chunked`, 'A: b').headers).toEqual(['A', 'b']);
    },
  );

  it.each([
    'X-Accel-Redirect',
    'X-Accel-Expires',
    'X-Accel-Limit-Rate',
    'X-Accel-Charset',
    'x-accel-whatever',
    'X-Accel-Buffering',
  ])('%s speaks to the server and does not reach the client', (name) => {
    expect(document(`${name}: /internal/x`, 'A: b').headers).toEqual(['A', 'b']);
  });

  it('reach the client in their order and spelling, each of several Set-Cookie too', () => {
    const head = document('Set-Cookie: a=1', 'x-lower: 1', 'Set-Cookie: b=2', 'X-UPPER: caf\xe9', 'Set-Cookie: c=3');
    expect(head.headers).toEqual([
      'Set-Cookie',
      'a=1',
      'x-lower',
      '1',
      'Set-Cookie',
      'b=2',
      'X-UPPER',
      'caf\xe9',
      'Set-Cookie',
      'c=3',
    ]);
  });
});

describe('streaming', () => {
  it.each([
    [['X-Accel-Buffering: no'], true],
    [['X-Accel-Buffering: NO'], true],
    [['X-Accel-Buffering: yes'], false],
    [['X-Accel-Buffering: nope'], false],
    [['Content-Type: text/event-stream'], true],
    [['Content-Type: Text/Event-Stream;charset=utf-8'], true],
    [['Content-Type: text/event-streams'], false],
    [['Content-Type: application/text/event-stream'], false],
    [['Content-Type: text/html'], false],
  ])('of %j: %s', (lines, streaming) => {
    expect(document(...lines).streaming).toBe(streaming);
    expect(document('Status: 200', ...lines, 'A: b').streaming).toBe(streaming);
  });
});

describe('interpretHead', () => {
  it('throws nothing but BadHeadError, and passes on no hop-by-hop field, for any fields', () => {
    const name = fc.constantFrom(
      'Status',
      'Location',
      'Content-Length',
      'Connection',
      'Transfer-Encoding',
      'X-Accel-Redirect',
      'Set-Cookie',
      'A',
    );
    const value = fc.constantFrom('', '200', '302 Found', '/x', '//x', 'http://h', '5', '05', 'chunked', 'close', 'no');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 6 }), (fields) => {
        const lines = fields.map(([name, value]) => `${name}: ${value}`);
        try {
          const head = meaning(...lines);
          if (head.kind === 'local-redirect') {
            expect(lines).toEqual([`Location: ${head.location}`]);
            expect(head.location).toMatch(/^\/(?!\/)/);
            return;
          }
          expect(head.status).toBeGreaterThanOrEqual(200);
          const names = head.headers.filter((_, index) => index % 2 === 0);
          for (const dropped of ['Status', 'Connection', 'Transfer-Encoding', 'X-Accel-Redirect'])
            expect(names).not.toContain(dropped);
          expect(names.filter((name) => name === 'Content-Length').length).toBe(head.length === undefined ? 0 : 1);
          expect(names.filter((name) => name === 'Set-Cookie').length).toBe(
            fields.filter(([name]) => name === 'Set-Cookie').length,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(BadHeadError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('fields that a worker names in Connection', () => {
  it('concern only its own connection and are dropped, but not the ones that say what the document is', () => {
    const fields = [
      ['Connection', 'X-Internal, content-length'],
      ['X-Internal', '1'],
      ['X-Public', '2'],
      ['Content-Length', '3'],
    ].map(([name = '', value = '']) => ({ name, key: name.toLowerCase(), value }));
    expect(interpretHead(fields)).toMatchObject({ headers: ['X-Public', '2', 'Content-Length', '3'], length: 3 });
  });
});
