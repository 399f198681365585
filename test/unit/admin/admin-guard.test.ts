// refusal: who may ask what at the operator's door, and that a browser cannot be made to ask for a
// stranger.

import { describe, expect, it } from 'vitest';
import { type Access, refusal } from '../../../src/admin/guard.ts';
import { Secret } from '../../../src/core/secret.ts';

const TCP: Access = { kind: 'tcp', host: 'admin.internal' };
const UNIX: Access = { kind: 'own' };
const FOREIGN: Access = { kind: 'foreign' };
const GET = { method: 'GET', origin: undefined };
const POST = { method: 'POST', origin: undefined };
const TOKEN = new Secret('0123456789abcdef');
const RIGHT = 'Bearer 0123456789abcdef';

describe('over TCP', () => {
  it.each([
    'localhost',
    'localhost:9180',
    'LOCALHOST:1',
    '127.0.0.1:9180',
    '10.1.2.3',
    '[::1]:9180',
    '[::1]',
    'admin.internal:9180',
    undefined,
  ])('reads with Host %s are answered', (host) => expect(refusal(TCP, { ...GET, host }, undefined)).toBeUndefined());

  it.each([
    'evil.example',
    'evil.example:9180',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#127.0.0.1',
    '',
    '[evil]',
    'a@localhost',
  ])('with Host %j everything is refused: a name that a stranger has pointed here', (host) => {
    for (const asked of [GET, { ...POST, authorization: RIGHT }, { ...POST, origin: `http://${host}`, authorization: RIGHT }]) {
      const { status, error } = refusal(TCP, { ...asked, host }, TOKEN) ?? {};
      expect([status, error]).toEqual([403, expect.stringContaining('not a name of this listener')]);
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused while no token is configured', (method) => {
    for (const authorization of [undefined, RIGHT, 'Bearer ', 'Bearer undefined']) {
      const { status, error } = refusal(TCP, { ...POST, method, host: 'localhost', authorization }, undefined) ?? {};
      expect([status, error]).toEqual([403, expect.stringContaining('nobody on TCP can show')]);
    }
  });

  it.each([RIGHT, 'bearer 0123456789abcdef', 'BEARER   0123456789abcdef '])(
    '%j permits what changes something',
    (authorization) => expect(refusal(TCP, { ...POST, host: 'localhost', authorization }, TOKEN)).toBeUndefined(),
  );

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    '0123456789abcdef',
    'Basic 0123456789abcdef',
    'Bearer 0123456789abcde',
    'Bearer 0123456789abcdeF',
    'Bearer 0123456789abcdef0',
    'Bearer 0123456789abcdef 0123456789abcdef',
    'Bearer, Bearer 0123456789abcdef',
  ])('%j does not, and the answer is the same whatever was wrong', (authorization) =>
    expect(refusal(TCP, { ...POST, host: 'localhost', authorization }, TOKEN)).toMatchObject({
      status: 401,
      error: 'not authorized',
    }),
  );
});

describe('over the unix socket', () => {
  it.each(['localhost', 'anything', undefined])('Host %s does not matter, nor does a token', (host) => {
    for (const token of [undefined, TOKEN]) {
      expect(refusal(UNIX, { ...GET, host }, token)).toBeUndefined();
      expect(refusal(UNIX, { ...POST, host }, token)).toBeUndefined();
    }
  });
});

describe('over a unix socket that systemd made', () => {
  it('only reads are answered without the token: its mode may let anybody in', () => {
    expect(refusal(FOREIGN, { ...GET, host: 'anything' }, undefined)).toBeUndefined();
    expect(refusal(FOREIGN, { ...POST, host: 'localhost' }, undefined)?.error).toContain('one that systemd made');
    expect(refusal(FOREIGN, { ...POST, host: 'localhost' }, TOKEN)?.status).toBe(401);
    expect(refusal(FOREIGN, { ...POST, host: 'localhost', authorization: RIGHT }, TOKEN)).toBeUndefined();
  });
});

describe('a write with an Origin', () => {
  it.each([
    'https://evil.example',
    'http://localhost:9180',
    'http://localhost.evil.example',
    'https://localhost',
    'http://localhost/',
    'http://user@localhost',
    'null',
    '',
  ])('%j, which is not that of the listener, is refused everywhere and with any token', (origin) => {
    for (const access of [TCP, UNIX, FOREIGN]) {
      const { status, error } = refusal(access, { method: 'POST', host: 'localhost', origin, authorization: RIGHT }, TOKEN) ?? {};
      expect([status, error]).toEqual([403, expect.stringContaining('web pages')]);
    }
  });

  it.each(['localhost:9180', '127.0.0.1:9180', '[::1]:9180', 'admin.internal'])(
    'of the page of the listener itself, at %s, is permitted with the token, and only with it',
    (host) => {
      const asked = { method: 'POST', host, origin: `http://${host}` };
      expect(refusal(TCP, { ...asked, authorization: RIGHT }, TOKEN)).toBeUndefined();
      expect(refusal(TCP, asked, TOKEN)?.status).toBe(401);
      expect(refusal(TCP, { ...asked, authorization: 'Bearer fedcba9876543210' }, TOKEN)?.status).toBe(401);
      expect(refusal(TCP, asked, undefined)?.status).toBe(403);
      for (const access of [UNIX, FOREIGN]) expect(refusal(access, { ...asked, authorization: RIGHT }, TOKEN)?.status).toBe(403);
    },
  );

  it('is not a read with one: the browser keeps its answer from the page', () => {
    expect(refusal(TCP, { method: 'GET', host: 'localhost', origin: 'https://evil.example' }, undefined)).toBeUndefined();
  });
});
