// Runs a program to its end and waits for programs to be ready.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Running, Scope } from './scope.ts';

/** ms that a program may take until it accepts connections. */
const START_TIMEOUT = 10_000;

/** Where a front end or a worker listens. */
export type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/** The path of an installed program, or undefined. */
export function findProgram(name: string): string | undefined {
  // Debian puts nginx and haproxy where only root's PATH looks.
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @throws Error that names the Debian package when a program is missing */
export function needProgram(name: string, debianPackage: string): string {
  const found = findProgram(name);
  if (found === undefined) throw new Error(`${name} is not installed (Debian: apt-get install ${debianPackage})`);
  return found;
}

/**
 * Runs a program to its end.
 * @returns what it printed
 * @throws Error when it fails
 */
export async function output(scope: Scope, command: Command): Promise<string> {
  const running = await scope.start(command);
  const chunks: Buffer[] = [];
  running.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(running.child, 'close');
  if (code !== 0) throw new Error(`${command.program} ${command.words.join(' ')} failed (${code}): ${running.stderr()}`);
  return Buffer.concat(chunks).toString();
}

/**
 * Standard output and error of a short program, such as one asked for its version; undefined when
 * it is missing or fails.
 */
export async function versionLine(program: string, word: string): Promise<string | undefined> {
  const path = findProgram(program);
  if (path === undefined) return undefined;
  const child = spawn(path, [word], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  return text.split('\n')[0]?.trim();
}

/** @throws Error when the program ends, or nothing accepts connections in time */
export async function untilListening(running: Running, place: Place): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  while (!(await accepts(place))) {
    if (running.child.exitCode !== null) throw new Error(`a program ended at its start: ${running.stderr()}`);
    if (performance.now() > deadline) throw new Error(`nothing listens on ${JSON.stringify(place)}: ${running.stderr()}`);
    await delay(20);
  }
}

function accepts(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
