// Which listening sockets a process was started with, and which address of the configuration gets
// which of them.

import { describe, expect, it } from 'vitest';
import { InheritedSockets } from '../../../src/app/inherited.ts';
import { takeSystemdSockets } from '../../../src/app/systemd-sockets.ts';
import {
  type ChildProcessSide,
  type Descriptors,
  type NumberedSocket,
  TAKEOVER_VARIABLE,
  takeoverText,
  takeTakeover,
} from '../../../src/app/takeover.ts';
import { type ListenAddress, parseListenAddress } from '../../../src/core/address.ts';
import type { InheritedSocket } from '../../../src/listen/bind.ts';

function own(fd: number, asked: string, text = asked): InheritedSocket {
  return { fd, asked, text, fdName: undefined, file: undefined };
}

function systemds(fd: number, fdName: string): InheritedSocket {
  return { fd, asked: `systemd:${fdName}`, text: `systemd:${fdName}`, fdName, file: undefined };
}

/** For each address, what it gets: a descriptor, or `bind` for one to be opened. */
function assigned(sockets: InheritedSockets, ...texts: readonly string[]): Array<ReadonlyArray<number | 'bind'>> {
  const listen = texts.map(parseListenAddress);
  const places = sockets.placesFor({ listen, admin: { kind: 'off' } });
  return listen.map((address) => places(address).map((place) => (place.kind === 'inherited' ? place.fd : 'bind')));
}

describe('takeSystemdSockets', () => {
  it('numbers them from 3, with their names, and leaves no variable', () => {
    const environment = { LISTEN_FDS: '2', LISTEN_PID: '77', LISTEN_FDNAMES: 'web:', LISTEN_PIDFDID: '1', OTHER: 'x' };
    const { sockets, absent } = takeSystemdSockets(environment, 77);
    expect(sockets.map(({ fd, fdName }) => [fd, fdName])).toEqual([
      [3, 'web'],
      [4, 'unknown'],
    ]);
    expect(absent).toBeUndefined();
    expect(environment).toEqual({ OTHER: 'x' });
  });

  it.each([
    [{}, 'LISTEN_FDS is not set'],
    [{ LISTEN_FDS: '1' }, 'LISTEN_FDS is not set'],
    [{ LISTEN_FDS: '1', LISTEN_PID: '78' }, 'meant for process 78 (LISTEN_PID) and this is 77'],
    [{ LISTEN_FDS: '0', LISTEN_PID: '77' }, "LISTEN_FDS is '0'"],
    [{ LISTEN_FDS: '-1', LISTEN_PID: '77' }, "LISTEN_FDS is '-1'"],
    [{ LISTEN_FDS: '1e9', LISTEN_PID: '77' }, "LISTEN_FDS is '1e9'"],
    [{ LISTEN_FDS: '99999999', LISTEN_PID: '77' }, "LISTEN_FDS is '99999999'"],
  ])('takes nothing from %j, and leaves no variable', (variables, reason) => {
    const environment: NodeJS.ProcessEnv = { ...variables };
    const { sockets, absent } = takeSystemdSockets(environment, 77);
    expect(sockets).toEqual([]);
    expect(absent).toContain(reason);
    expect(environment).toEqual({});
  });

  it('does not trust names of which there are too few or too many', () => {
    for (const names of ['a', 'a:b:c']) {
      const { sockets } = takeSystemdSockets({ LISTEN_FDS: '2', LISTEN_PID: '7', LISTEN_FDNAMES: names }, 7);
      expect(sockets.map(({ fdName }) => fdName)).toEqual(['unknown', 'unknown']);
    }
  });
});

describe('InheritedSockets', () => {
  it('gives an address the socket that was opened for it, once, and has the others opened', () => {
    const sockets = new InheritedSockets([own(4, '127.0.0.1:0', '127.0.0.1:4711'), own(5, '/run/a'), own(6, '/run/b')]);
    expect(assigned(sockets, '/run/b', '127.0.0.1:0', '/run/c')).toEqual([[6], [4], ['bind']]);
    expect(assigned(sockets, '/run/b')).toEqual([['bind']]);
    expect(sockets.left.map(({ fd }) => fd)).toEqual([5]);
  });

  it('takes what systemd passed by name, and for `systemd` what no other address names', () => {
    const sockets = new InheritedSockets([systemds(3, 'web'), systemds(4, 'ops'), systemds(5, 'web'), systemds(6, 'more')]);
    const listen = ['systemd', 'systemd:web'].map(parseListenAddress);
    const ops = parseListenAddress('systemd:ops');
    const places = sockets.placesFor({ listen, admin: { kind: 'addresses', addresses: [ops] } });
    const fds = (address: ListenAddress): unknown => places(address).map((place) => place.kind === 'inherited' && place.fd);
    expect([...listen, ops].map(fds)).toEqual([[6], [3, 5], [4]]);
    // Each once.
    expect(() => places(ops)).toThrow('systemd passed no socket of that name that is still free; it passed web, ops, web, more');
    // They are there for the next configuration as long as nobody serves on them.
    expect(sockets.left.map(({ fd }) => fd)).toEqual([3, 4, 5, 6]);
    expect(assigned(sockets, 'systemd:ops')).toEqual([[4]]);
  });

  it('never takes a socket of systemd for an address, nor one of the old process for systemd', () => {
    const sockets = new InheritedSockets([{ ...systemds(3, 'web'), asked: '/run/a' }, own(4, 'systemd:web')]);
    expect(assigned(sockets, '/run/a', 'systemd:web')).toEqual([['bind'], [3]]);
  });

  it('says why there is nothing', () => {
    expect(() => assigned(new InheritedSockets([], 'the reason'), 'systemd')).toThrow('cannot listen on systemd: the reason');
    expect(() => assigned(new InheritedSockets([systemds(3, 'a'), systemds(4, 'b')]), 'systemd:c')).toThrow(
      'cannot listen on systemd:c: systemd passed no socket of that name that is still free; it passed a, b',
    );
  });
});

describe('takeTakeover', () => {
  const child = (ppid: number): ChildProcessSide => ({
    ppid,
    connected: true,
    send: () => true,
    once: () => undefined,
    disconnect: () => undefined,
  });
  const numbered = (socket: InheritedSocket): NumberedSocket => ({ ...socket, inode: 100 + socket.fd });
  const behind: Descriptors = {
    inodeOf: (fd) => 100 + fd,
    textOf: (fd) => JSON.stringify({ secret: `written to ${fd}`, pools: {} }),
  };

  it('reads what the old process wrote, its state from its pipe, and leaves no variable', () => {
    const handed = [own(5, 'a:1'), { ...own(6, '/run/a'), file: { path: '/run/a', dev: 1, ino: 2 } }, systemds(7, 'web')];
    const environment: NodeJS.ProcessEnv = { [TAKEOVER_VARIABLE]: takeoverText(7, handed.map(numbered)) };
    const takeover = takeTakeover(environment, child(7), behind);
    expect(takeover?.sockets).toEqual(handed);
    expect(takeover?.handoverState).toEqual({ secret: 'written to 4', pools: {} });
    expect(environment).toEqual({});
  });

  it('takes over from an old process that is gone, and then serves at once', async () => {
    const environment: NodeJS.ProcessEnv = { [TAKEOVER_VARIABLE]: takeoverText(7, [numbered(own(5, 'a:1'))]) };
    const takeover = takeTakeover(environment, { ...child(1), connected: false }, behind);
    expect(takeover?.sockets).toHaveLength(1);
    await takeover?.ready();
  });

  it('takes nothing when the sockets are not those that were handed over', () => {
    for (const inode of [undefined, 999]) {
      const environment: NodeJS.ProcessEnv = { [TAKEOVER_VARIABLE]: takeoverText(7, [numbered(own(5, 'a:1'))]) };
      expect(takeTakeover(environment, child(7), { ...behind, inodeOf: () => inode })).toBeUndefined();
      expect(environment).toEqual({});
    }
    expect(takeTakeover({ [TAKEOVER_VARIABLE]: takeoverText(7, []) }, child(7), behind)).toBeUndefined();
    expect(takeTakeover({}, child(7), behind)).toBeUndefined();
  });

  it('says so when the old process writes another format, and only then', () => {
    const text = takeoverText(7, []).replace('"format":3', '"format":4');
    expect(() => takeTakeover({ [TAKEOVER_VARIABLE]: text }, child(7))).toThrow(
      'this version cannot take over from the running one',
    );
    expect(takeTakeover({ [TAKEOVER_VARIABLE]: text }, child(8))).toBeUndefined();
  });
});
