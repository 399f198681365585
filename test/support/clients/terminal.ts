// A command in a real pseudo-terminal, which script(1) makes: what is typed, what the screen shows,
// and how the terminal is left.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { eventually } from '../eventually.ts';
import { tempDir } from '../temp-dir.ts';

export interface Terminal {
  /** Everything that the command has written, control sequences included. */
  readonly output: () => string;
  /** What an eye sees now. */
  readonly screen: () => readonly string[];
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Sends a signal to the command. */
  signal(name: NodeJS.Signals): void;
  /** The exit code of the command, as a shell has it: 128 and more for a signal. */
  readonly ended: Promise<number>;
  /** The modes of the terminal (stty -g) before the command and after it. */
  modes(): readonly [before: string, after: string];
}

/** Starts `command` in a terminal of that size; it is ended with the test. */
export async function inTerminal(
  command: readonly string[],
  { columns = 100, rows = 20 }: { readonly columns?: number; readonly rows?: number } = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Terminal> {
  const directory = tempDir();
  const at = (name: string): string => join(directory, name);
  const read = (name: string): string => readFileSync(at(name), 'utf8').trim();
  const script = [
    `stty cols ${columns} rows ${rows}; tty > ${at('tty')}; stty -g > ${at('before')}`,
    `bash -c 'echo $$ > ${at('pid')}; exec "$@"' run ${command.map((word) => `'${word}'`).join(' ')}`,
    `echo $? > ${at('code')}; stty -g > ${at('after')}`,
  ].join('\n');
  const child = spawn('script', ['--quiet', '--flush', '--command', script, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/bash', NO_COLOR: '1', ...env },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onTestFinished(async () => {
    // The pseudo-terminal goes, and whoever is on it is hung up.
    child.kill('SIGKILL');
    await closed;
  });
  await eventually(() => {
    if (!existsSync(at('pid')) || read('pid') === '') throw new Error('the command has not begun');
  });
  const text = (): string => Buffer.from(output, 'latin1').toString();
  return {
    output: text,
    screen: () => screenOf(text()),
    type: (typed) => void child.stdin.write(typed),
    resize: (width, height) => {
      spawn('stty', ['-F', read('tty'), 'cols', String(width), 'rows', String(height)], { stdio: 'ignore' });
    },
    signal: (name) => void process.kill(Number(read('pid')), name),
    // Without a code it was ended with the test.
    ended: closed.then(() => (existsSync(at('code')) ? Number(read('code')) : Number.NaN)),
    modes: () => [read('before'), read('after')],
  };
}

/** What a terminal makes of the few sequences that fcgi-lb uses; colours are left out. */
export function screenOf(output: string): readonly string[] {
  const lines: string[] = [];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is read
  for (const [token, parameters = '', final = ''] of output.matchAll(/\x1b\[([?\d;]*)([A-Za-z])|\r\n|[^\x1b\r\n]+/g)) {
    if (final === 'H') {
      const [y = 1, x = 1] = parameters.split(';').map((part) => Number(part || 1));
      [row, column] = [y - 1, x - 1];
    } else if (final === 'J' || (final === 'h' && parameters === '?1049')) {
      lines.length = 0;
      [row, column] = [0, 0];
    } else if (final === 'K') {
      lines[row] = (lines[row] ?? '').slice(0, column);
    } else if (token === '\r\n') {
      row += 1;
      column = 0;
    } else if (final === '') {
      const before = (lines[row] ?? '').padEnd(column);
      lines[row] = before.slice(0, column) + token + before.slice(column + token.length);
      column += token.length;
    }
  }
  return Array.from(lines, (line) => line ?? '');
}
