// Listening sockets as files and as descriptors: put in place whole, handed on, and removed by
// their owner alone.

import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress, unixAddress } from '../../src/core/address.ts';
import type { InheritedSocket } from '../../src/listen/bind.ts';
import { type Inherited, listenOn } from '../../src/listen/listen.ts';
import { ListenError } from '../../src/listen/listen-error.ts';
import { passingName, putInPlace } from '../../src/listen/socket-file.ts';
import { buildIfMissing, ROOT } from '../support/program/cli-process.ts';
import { connects } from '../support/servers/connects.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

function server(): Server {
  const made = createServer((socket) => socket.destroy());
  onTestFinished(() => void made.close());
  return made;
}

async function onFile(mode?: number) {
  const directory = tempDir();
  const path = join(directory, 'http.sock');
  const listener = await listenOn(server(), unixAddress(path), mode === undefined ? {} : { mode });
  return { directory, path, listener };
}

describe('a unix socket', () => {
  it('has one name, its mode, and no trace of the name it was bound to', async () => {
    const open = await onFile();
    expect(readdirSync(open.directory)).toEqual(['http.sock']);
    expect(statSync(open.path).mode & 0o777).toBe(0o666);
    expect(open.listener.text).toBe(open.path);
    expect(await connects(open.path)).toBe('connected');
    const admin = await onFile(0o600);
    expect(statSync(admin.path).mode & 0o777).toBe(0o600);
  });

  it('never has its name before it has its mode', async () => {
    const directory = tempDir();
    const path = join(directory, 'http.sock');
    const seen: number[] = [];
    let over = false;
    const watching = (async () => {
      while (!over) {
        if (existsSync(path)) seen.push(lstatSync(path).mode & 0o777);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const before = process.umask();
    await listenOn(server(), unixAddress(path), { mode: 0o660 });
    over = true;
    await watching;
    expect(new Set([...seen, lstatSync(path).mode & 0o777])).toEqual(new Set([0o660]));
    expect(process.umask()).toBe(before);
  });

  it('loses its file when it closes', async () => {
    const { directory, listener } = await onFile();
    await listener.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('leaves a file that another program has put there in the meantime', async () => {
    const { path, listener } = await onFile();
    unlinkSync(path);
    const second = await listenOn(server(), unixAddress(path));
    await listener.close();
    expect(await connects(path)).toBe('connected');
    await second.close();
    expect(existsSync(path)).toBe(false);
  });

  it('replaces one that nobody listens on, but nothing that is in use and nothing that is no socket', async () => {
    const directory = tempDir();
    const left = join(directory, 'left.sock');
    await deadSocket(left);
    await listenOn(server(), unixAddress(left));
    expect(await connects(left)).toBe('connected');

    const inUse = lstatSync(left).ino;
    await expect(listenOn(server(), unixAddress(left))).rejects.toThrow(`cannot listen on ${left}: the address is in use`);
    expect(lstatSync(left).ino).toBe(inUse);
    expect(await connects(left)).toBe('connected');

    const file = join(directory, 'file');
    writeFileSync(file, 'data');
    await expect(listenOn(server(), unixAddress(file))).rejects.toThrow(ListenError);
    expect(readdirSync(directory).sort()).toEqual(['file', 'left.sock']);
  });

  it('is listened on by exactly one of many programs that start at once over a left-behind file', async () => {
    for (let round = 0; round < 20; round += 1) {
      const directory = tempDir();
      const path = join(directory, 'http.sock');
      await deadSocket(path);
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => listenOn(server(), unixAddress(path))));
      const won = outcomes.filter(({ status }) => status === 'fulfilled');
      expect(won).toHaveLength(1);
      expect(await connects(path)).toBe('connected');
      expect(readdirSync(directory)).toEqual(['http.sock']);
    }
  });

  it('that somebody has replaced while it was being looked at is left to him', async () => {
    const directory = tempDir();
    const path = join(directory, 'http.sock');
    await deadSocket(path);
    // Long ago: the new file may well get its inode.
    utimesSync(path, 1, 1);
    const mine = passingName(path);
    await new Promise<void>((resolve) => server().listen({ path: mine }, resolve));
    const attempt = putInPlace(mine, path, async () => {
      unlinkSync(path);
      await listenOn(server(), unixAddress(path));
      return true;
    });
    await expect(attempt).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await connects(path)).toBe('connected');
    expect(readdirSync(directory)).toEqual(['http.sock']);
  });

  it('may have a path as long as the kernel takes', async () => {
    const directory = tempDir();
    for (const name of ['a'.repeat(107 - directory.length - 1), 'b'.repeat(20)]) {
      const path = join(directory, name);
      const listener = await listenOn(server(), unixAddress(path));
      expect(await connects(path)).toBe('connected');
      await listener.close();
    }
    expect(readdirSync(directory)).toEqual([]);
  });
});

const HEIR = `
  import { createServer } from 'node:net';
  import { listenOn } from '${ROOT}dist/listen/listen.js';
  const [handover, mine] = process.argv.slice(1).map((text) => JSON.parse(text));
  const server = createServer((socket) => socket.destroy());
  const listener = await listenOn(server, { ...handover, kind: 'inherited', fd: 3, mayRemove: () => mine });
  process.stdout.write(listener.text);
  process.stdin.on('end', () => listener.close()).resume();
`;

/**
 * Another process that listens on the same socket. Resolves when it does; `end` closes it
 * gracefully.
 */
async function heir(handover: InheritedSocket, mine: boolean) {
  const words = ['--input-type=module', '-e', HEIR, JSON.stringify(handover), JSON.stringify(mine)];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit', handover.fd] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const text = await new Promise<string>((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())));
  return {
    text,
    end: () => {
      child.stdin?.end();
      return ended;
    },
  };
}

describe('a listener that was handed on', () => {
  it('keeps its file, which the heir removes in the end', async () => {
    const { path, listener } = await onFile();
    const handover = listener.handover();
    expect(handover).toMatchObject({ asked: path, text: path, fdName: undefined, file: { path, ino: lstatSync(path).ino } });
    const successor = await heir(handover, true);
    expect(successor.text).toBe(path);
    listener.handOn();
    await listener.close();
    expect(await connects(path)).toBe('connected');
    await successor.end();
    expect(existsSync(path)).toBe(false);
  });

  it("is not the heir's to remove before the heir is told so", async () => {
    const { path, listener } = await onFile();
    await (await heir(listener.handover(), false)).end();
    expect(await connects(path)).toBe('connected');
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it('on TCP keeps its port', async () => {
    const listener = await listenOn(server(), parseAddress('127.0.0.1:0'));
    expect(listener.text).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(listener.handover()).toMatchObject({ asked: '127.0.0.1:0', text: listener.text, file: undefined });
    const successor = await heir(listener.handover(), true);
    listener.handOn();
    await listener.close();
    expect(successor.text).toBe(listener.text);
    expect(await connects({ port: Number(listener.text.split(':')[1]) })).toBe('connected');
  });
});

describe('an inherited descriptor that is no socket', () => {
  it('is named in the error', async () => {
    const inherited: Inherited = {
      kind: 'inherited',
      fd: 12345,
      asked: 'systemd:web',
      text: 'systemd:web',
      fdName: 'web',
      file: undefined,
      mayRemove: () => false,
      kept: undefined,
    };
    await expect(listenOn(server(), inherited)).rejects.toThrow('cannot listen on the inherited socket systemd:web (fd 12345): ');
  });
});
