// Unix sockets that a dial meets in the field: one that nobody listens on any more, and one whose
// backlog is full.

import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { systemCode } from '../../../src/core/errors.ts';

/**
 * A socket file at `path` whose listener is gone, as after a SIGKILL: connecting gives
 * ECONNREFUSED.
 */
export async function deadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: `${path}.tmp` }, resolve));
  renameSync(`${path}.tmp`, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

const LISTENER = `
  require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => process.stdout.write('listening'));
`;

/**
 * A listener at `path` that never accepts and whose backlog is full: connecting gives EAGAIN.
 * @returns how to end it
 */
export async function fullSocket(path: string): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn(process.execPath, ['-e', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const waiting: Socket[] = [];
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    for (const socket of waiting) socket.destroy();
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(end);
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  // Stopped, it accepts nothing, and the kernel keeps what connects, up to the backlog.
  child.kill('SIGSTOP');
  while (await fits(path, waiting)) if (waiting.length > 100) throw new Error('the backlog does not fill');
  return end;
}

function fits(path: string, waiting: Socket[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      waiting.push(socket);
      socket.on('error', () => undefined);
      resolve(true);
    });
    socket.once('error', (error) => {
      if (systemCode(error) === 'EAGAIN') resolve(false);
      else reject(error);
    });
  });
}
