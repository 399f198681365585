// refusal: who may ask what at the operator's door, and that a browser cannot be made to ask for a stranger.

import { describe, expect, it } from 'vitest';
import { type Access, refusal } from '../../src/admin/guard.ts';

const TCP: Access = { kind: 'tcp', host: 'admin.internal' };
const UNIX: Access = { kind: 'own' };
const FOREIGN: Access = { kind: 'foreign' };
const GET = { method: 'GET', origin: undefined };
const POST = { method: 'POST', origin: undefined };

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
  ])('reads with Host %s are answered', (host) => expect(refusal(TCP, { ...GET, host })).toBeUndefined());

  it.each([
    'evil.example',
    'evil.example:9180',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#127.0.0.1',
    '',
    '[evil]',
    'a@localhost',
  ])('reads with Host %j are refused: a name that a stranger has pointed here', (host) =>
    expect(refusal(TCP, { ...GET, host })).toContain('not a name of this listener'),
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', (method) => {
    expect(refusal(TCP, { ...POST, method, host: 'localhost' })).toContain('nobody on TCP can show');
  });
});

describe('over the unix socket', () => {
  it.each(['localhost', 'anything', undefined])('Host %s does not matter', (host) => {
    expect(refusal(UNIX, { ...GET, host })).toBeUndefined();
    expect(refusal(UNIX, { ...POST, host })).toBeUndefined();
  });
});

describe('over a unix socket that systemd made', () => {
  it('only reads are answered: its mode may let anybody in', () => {
    expect(refusal(FOREIGN, { ...GET, host: 'anything' })).toBeUndefined();
    expect(refusal(FOREIGN, { ...POST, host: 'localhost' })).toContain('one that systemd made');
  });
});

describe('a write with an Origin', () => {
  it.each(['https://evil.example', 'http://localhost:9180', 'null', ''])('%j is refused everywhere', (origin) => {
    for (const address of [TCP, UNIX])
      expect(refusal(address, { method: 'POST', host: 'localhost', origin })).toContain('web pages');
  });

  it('is not a read with one: the browser keeps its answer from the page', () => {
    expect(refusal(TCP, { method: 'GET', host: 'localhost', origin: 'https://evil.example' })).toBeUndefined();
  });
});
