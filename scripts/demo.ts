// `npm run demo`: four sample workers on sockets in a temporary directory and fcgi-lb in front;
// cleans up on Ctrl-C. Words after `--` go to fcgi-lb: npm run demo -- --listen 127.0.0.1:8081.
// `npm run dev` is the same from the sources, and fcgi-lb starts again with each change to them.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const WORKERS = 4;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const watch = process.argv[2] === '--watch';
const words = process.argv.slice(watch ? 3 : 2);
const listen = words[words.indexOf('--listen') + 1] ?? '127.0.0.1:8080';
const url = `http://${words.includes('--listen') ? listen : '127.0.0.1:8080'}`;
const directory = mkdtempSync('/tmp/fcgi-lb-demo-');
const children: ChildProcess[] = [];

function start(command: string, args: readonly string[], stdio: 'pipe' | 'ignore'): ChildProcess {
  // A process group of its own: Ctrl-C reaches this script alone, which then stops everything in
  // order.
  const child = spawn(command, args, { stdio: [stdio, 'inherit', 'inherit'], detached: true });
  children.push(child);
  return child;
}

async function exists(path: string): Promise<void> {
  for (let tries = 0; tries < 200 && !existsSync(path); tries += 1) await sleep(50);
  if (!existsSync(path)) throw new Error(`worker did not create ${path}`);
}

function cleanUp(): void {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true });
}

process.on('exit', cleanUp);
const sockets: string[] = [];
for (let i = 1; i <= WORKERS; i += 1) {
  const socket = join(directory, `rt${i}.sock`);
  sockets.push(socket);
  start(process.execPath, ['--import', 'tsx', here('demo-worker.ts'), socket, `worker ${i}`], 'pipe');
}
await Promise.all(sockets.map(exists));

// From the sources, started again with each change to them, or the built program.
const program = watch
  ? [
      here('../node_modules/tsx/dist/cli.mjs'),
      'watch',
      '--clear-screen=false',
      '--include',
      here('../src/admin/page/*'),
      here('../src/cli/main.ts'),
    ]
  : [here('../dist/cli/main.js')];
const balancer = start(process.execPath, [...program, '--upstream', join(directory, 'rt*.sock'), ...words], 'ignore');
balancer.on('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => balancer.kill('SIGTERM'));

console.log(`
Four workers behind ${directory}/rt*.sock, fcgi-lb in front of them. Try:

  curl ${url}/hello                     which worker answers?
  curl ${url}/params                    what a worker is told
  curl -d name=value ${url}/            a request body
  seq 8 | xargs -P 8 -I{} curl -s '${url}/slow?ms=500&n={}'
                                        eight at once: four run, four wait for a free worker
  curl http://127.0.0.1:9180/readyz     is there a worker to serve from?
  http://127.0.0.1:9180/                in a browser: what happens, as it happens
  rm ${directory}/rt1.sock              a worker leaves; nobody notices

Ctrl-C ends it all.
`);
