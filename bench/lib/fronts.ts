// The front ends that are compared: each started on its own, in front of the same worker sockets.

import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, type Place, untilListening } from './command.ts';
import { haproxyConf, type NginxOptions, nginxConf } from './rivals.ts';
import type { Scope } from './scope.ts';

export interface Front {
  readonly pid: number;
  readonly place: Place;
}

export type FrontSpec =
  | { readonly kind: 'fcgi-lb'; readonly options?: readonly string[] }
  | ({ readonly kind: 'nginx' } & NginxOptions)
  | { readonly kind: 'haproxy' }
  /** node:http and nothing else, see bare-front.mjs; for one socket, over TCP. */
  | { readonly kind: 'bare' }
  /**
   * node:http and the package fastcgi-client, see fastcgi-client-front.mjs; for one socket, over
   * TCP.
   */
  | { readonly kind: 'fastcgi-client' };

/** Scripts of this directory that Node runs. */
const SCRIPTS = { bare: 'bare-front.mjs', 'fastcgi-client': 'fastcgi-client-front.mjs' } as const;

/** Whether a front end can be started on this machine. */
export function isInstalled(spec: FrontSpec): boolean {
  return spec.kind === 'fcgi-lb' || spec.kind in SCRIPTS || findProgram(spec.kind) !== undefined;
}

/** A TCP port of the loopback interface that is free at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

/**
 * Starts a front end that listens at `place` and sends to `workers`.
 * @throws Error when it does not come up
 */
export async function startFront(scope: Scope, spec: FrontSpec, place: Place, workers: readonly string[]): Promise<Front> {
  const command = commandFor(spec, scope.directory(), place, workers);
  const running = await scope.start(command);
  await untilListening(running, place);
  return { pid: running.pid, place };
}

function commandFor(
  spec: FrontSpec,
  folder: string,
  place: Place,
  workers: readonly string[],
): { program: string; words: string[] } {
  switch (spec.kind) {
    case 'fcgi-lb': {
      const listen = 'path' in place ? `unix:${place.path}` : `${place.host}:${place.port}`;
      const quiet = ['--admin', 'off', '--access-log', 'off', '--log-level', 'error'];
      const words = [mainProgram(), '--upstream', ...workers, '--listen', listen, ...quiet, ...(spec.options ?? [])];
      return { program: process.execPath, words };
    }
    case 'nginx': {
      const file = join(folder, 'nginx.conf');
      writeFileSync(file, nginxConf(spec, folder, place, workers));
      return { program: findProgram('nginx') ?? 'nginx', words: ['-e', 'stderr', '-p', folder, '-c', file] };
    }
    case 'bare':
    case 'fastcgi-client': {
      if ('path' in place) throw new Error(`the front end '${spec.kind}' listens on TCP only`);
      const script = fileURLToPath(new URL(SCRIPTS[spec.kind], import.meta.url));
      return { program: process.execPath, words: [script, place.host, String(place.port), ...workers] };
    }
    case 'haproxy': {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, haproxyConf(place, workers));
      return { program: findProgram('haproxy') ?? 'haproxy', words: ['-db', '-f', file] };
    }
  }
}

/** The built program: what users run, without a loader around it. */
export function mainProgram(): string {
  const path = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`);
  return path;
}
