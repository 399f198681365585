// A socket as systemd's NOTIFY_SOCKET: keeps every message that arrives. Node cannot read datagrams
// of unix sockets, so perl does.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from '../temp-dir.ts';

const READER = `
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  $| = 1;
  print "listening\\n";
  while (defined $socket->recv(my $message, 65536)) {
    $message =~ s/\\n/|/g;
    print "$message\\n";
  }
`;

export interface NotifySocket {
  readonly path: string;
  /**
   * Each message, its lines joined by `|`. Without those by which systemd-notify asks whether all
   * has been read.
   */
  readonly messages: readonly string[];
  /** Resolves with the first message, past or future, for which `test` holds. */
  message(test: (message: string) => boolean): Promise<string>;
}

/** @param path by default a fresh one */
export async function notifySocket(path: string = join(tempDir(), 'notify')): Promise<NotifySocket> {
  const child = spawn('perl', ['-MIO::Socket::UNIX', '-e', READER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const messages: string[] = [];
  let watchers: Array<() => void> = [];
  let rest = '';
  let listening = false;
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    listening ||= lines.length > 0;
    messages.push(...lines.filter((line) => line !== 'listening' && line !== 'BARRIER=1'));
    const waiting = watchers;
    watchers = [];
    for (const watcher of waiting) watcher();
  });
  const changed = (): Promise<void> => new Promise((resolve) => watchers.push(resolve));
  while (!listening) await changed();
  return {
    path,
    messages,
    message: async (test) => {
      for (;;) {
        const found = messages.find(test);
        if (found !== undefined) return found;
        await changed();
      }
    },
  };
}
