// Who a request comes from: read from the end of X-Forwarded-For, and only as far as trusted
// proxies have written it.

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrustedPeer } from '../../../src/config/trusted-peer.ts';
import { TrustedProxies } from '../../../src/http/request/trusted-proxies.ts';

/** A request on a connection from `address`; undefined for one on a unix socket. */
function from(address: string | undefined, ...fields: readonly [string, string][]): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  Object.defineProperty(socket, 'remotePort', { value: address === undefined ? undefined : 4000 });
  Object.defineProperty(socket, 'localPort', { value: address === undefined ? undefined : 8080 });
  const request = new IncomingMessage(socket);
  request.rawHeaders = fields.flat();
  return request;
}

const xff = (value: string): [string, string] => ['X-Forwarded-For', value];
const proto = (value: string): [string, string] => ['X-Forwarded-Proto', value];
const trusting = (...texts: readonly string[]): TrustedProxies => new TrustedProxies(texts.map(parseTrustedPeer));

describe('the client of a request', () => {
  it.each<[string, readonly string[], string | undefined, readonly [string, string][], string | undefined]>([
    ['is who is connected when nobody is trusted', [], '10.0.0.1', [xff('192.0.2.1')], '10.0.0.1'],
    ['is who is connected when that one is not trusted', ['10.0.0.0/8'], '192.0.2.9', [xff('10.0.0.1')], '192.0.2.9'],
    ['is who is connected when it says of nobody else', ['10.0.0.0/8'], '10.0.0.1', [], '10.0.0.1'],
    ['is the last in the list', ['10.0.0.0/8'], '10.0.0.1', [xff('1.1.1.1, 192.0.2.1')], '192.0.2.1'],
    ['is the last that is no trusted proxy', ['10.0.0.0/8'], '10.0.0.1', [xff('1.1.1.1, 192.0.2.1, 10.9.9.9')], '192.0.2.1'],
    ['is the first when all are trusted', ['10.0.0.0/8'], '10.0.0.1', [xff('10.0.0.3, 10.0.0.2')], '10.0.0.3'],
    ['is in the last of several fields', ['10.0.0.1'], '10.0.0.1', [xff('1.1.1.1'), xff('192.0.2.1')], '192.0.2.1'],
    ['is not looked for behind what is no address', ['10.0.0.0/8'], '10.0.0.1', [xff('1.1.1.1, unknown, 10.0.0.2')], '10.0.0.2'],
    ['is who is connected when the last is no address', ['10.0.0.1'], '10.0.0.1', [xff('1.1.1.1, _hidden')], '10.0.0.1'],
    ['is not looked for behind an empty element', ['10.0.0.1'], '10.0.0.1', [xff('1.1.1.1, ')], '10.0.0.1'],
    ['may have a port', ['10.0.0.1'], '10.0.0.1', [xff('192.0.2.1:5000')], '192.0.2.1'],
    ['may have an address of IPv6', ['::1'], '::1', [xff('[2001:db8::7]:5000')], '2001:db8::7'],
    ['may have a bare address of IPv6', ['fd00::/8'], 'fd00::1', [xff('2001:db8::7')], '2001:db8::7'],
    ['has no zone', ['::1'], '::1', [xff('fe80::1%eth0')], '::1'],
    ['may come by a socket for both families', ['10.0.0.0/8'], '::ffff:10.0.0.1', [xff('::ffff:192.0.2.1')], '192.0.2.1'],
    ['may come by a unix socket', ['unix'], undefined, [xff('192.0.2.1')], '192.0.2.1'],
    ['may not come by a unix socket that is not trusted', ['0.0.0.0/0', '::/0'], undefined, [xff('192.0.2.1')], undefined],
    ['may not come by TCP when only unix sockets are trusted', ['unix'], '10.0.0.1', [xff('192.0.2.1')], '10.0.0.1'],
  ])('%s', (_rule, trusted, peer, fields, expected) => {
    expect(trusting(...trusted).of(from(peer, ...fields)).remoteAddress).toBe(expected);
  });

  it('has the port that is said with its address, and else none', () => {
    const proxies = trusting('10.0.0.1');
    expect(proxies.of(from('10.0.0.1', xff('192.0.2.1:5000'))).remotePort).toBe(5000);
    expect(proxies.of(from('10.0.0.1', xff('192.0.2.1'))).remotePort).toBeUndefined();
    expect(proxies.of(from('10.0.0.1')).remotePort).toBe(4000);
  });

  it('never follows what was written before the first that is not trusted, whatever that is', () => {
    const proxies = trusting('10.0.0.0/8');
    const junk = fc.string({ unit: fc.constantFrom('1', '0', '.', ',', ' ', ':', '[', ']', 'f', '%'), maxLength: 40 });
    fc.assert(
      fc.property(junk, fc.array(fc.constantFrom('10.0.0.2', '10.1.1.1'), { maxLength: 5 }), (before, chain) => {
        const list = [before, '192.0.2.1', ...chain].join(', ');
        expect(proxies.of(from('10.0.0.1', xff(list))).remoteAddress).toBe('192.0.2.1');
      }),
    );
  });

  it('is looked for among so many and no more', () => {
    const list = Array.from({ length: 20_000 }, () => '10.0.0.2').join(',');
    expect(trusting('10.0.0.0/8').of(from('10.0.0.1', xff(`192.0.2.1,${list}`))).remoteAddress).toBe('10.0.0.2');
  });
});

describe('how the client came', () => {
  it.each<[string, readonly [string, string][], boolean, number]>([
    ['is unknown without a word', [], false, 8080],
    ['is by TLS', [proto('https')], true, 443],
    ['is by TLS in capitals', [proto('HTTPS')], true, 443],
    ['is without', [proto('http')], false, 80],
    ['is unknown when it makes no sense', [proto('on')], false, 8080],
    ['is what the proxy says that is connected, not what came to it', [xff('192.0.2.1'), proto('https, http')], false, 80],
    ['is what the proxy saw that the client was connected to', [xff('192.0.2.1, 10.0.0.2'), proto('https, http')], true, 443],
    ['may be said once for a chain', [xff('192.0.2.1, 10.0.0.2'), proto('https')], true, 443],
  ])('%s', (_rule, fields, https, port) => {
    expect(trusting('10.0.0.0/8').of(from('10.0.0.1', ...fields))).toMatchObject({ https, localPort: port });
  });

  it('is not for strangers to say', () => {
    expect(trusting('10.0.0.0/8').of(from('192.0.2.9', proto('https')))).toMatchObject({ localPort: 8080 });
    expect(trusting('10.0.0.0/8').of(from('192.0.2.9', proto('https'))).https).toBeUndefined();
  });
});
