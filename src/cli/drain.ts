// `fcgi-lb drain`: an upstream gets nothing more and finishes what it holds; with --wait, comes back when it has.

import type { AdminClient } from '../admin/client.ts';
import { pause } from '../core/clock.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION, onlyWord, usage } from './admin.ts';
import { readOptions } from './options.ts';
import { atThat, type Meant, wishFor } from './wish.ts';

export const DRAIN_OPTIONS = [
  { name: 'wait', help: 'come back when nothing runs there any more' },
  { name: 'pool', value: 'NAME', help: 'the pool, when several have an upstream of that name' },
  ADMIN_OPTION,
  HELP_OPTION,
] as const;

/** ms between two looks at what still runs. */
const LOOK_EVERY = 200;

/**
 * @returns 0 when it drains, or with --wait has drained; 1 when somebody undrained it meanwhile
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function drain(words: readonly string[]): Promise<0 | 1> {
  const operands: string[] = [];
  const options = readOptions(words, DRAIN_OPTIONS, 'drain', (word) => void operands.push(word));
  if (options.has('help')) {
    process.stdout.write(help());
    return 0;
  }
  const client = adminClient(options.get('admin')?.[0], 'drain');
  const meant = await wishFor(client, 'drain', onlyWord(operands, 'an upstream', 'drain'), options.get('pool')?.[0]);
  if (options.has('wait')) return untilIdle(client, meant);
  const inFlight = runningAt(atThat(await askStatus(client), meant));
  process.stdout.write(`${meant.upstream} in pool ${meant.pool} is draining; ${inFlight} in flight\n`);
  return 0;
}

async function untilIdle(client: AdminClient, meant: Meant): Promise<0 | 1> {
  for (;;) {
    const found = atThat(await askStatus(client), meant);
    if (found.some(({ leaving, state }) => !leaving && state.is !== 'draining')) {
      process.stderr.write(`fcgi-lb: ${meant.upstream} in pool ${meant.pool} is no longer draining: somebody took it back\n`);
      return 1;
    }
    if (runningAt(found) === 0) break;
    await pause(LOOK_EVERY);
  }
  process.stdout.write(`${meant.upstream} in pool ${meant.pool} is drained\n`);
  return 0;
}

function runningAt(found: readonly { readonly in_flight: number }[]): number {
  return found.reduce((sum, { in_flight }) => sum + in_flight, 0);
}

function help(): string {
  return usage(
    [
      'Usage: fcgi-lb drain UPSTREAM [--wait] [--pool NAME] [--admin ADDR]',
      '',
      'UPSTREAM is an address, or the last part of its path: /run/rt1.sock or rt1.sock. It gets no new requests and finishes those it has.',
      'Ctrl-C while it waits leaves it draining; fcgi-lb undrain takes it back.',
      'Exit code: 0 when it drains (with --wait: when nothing runs there), 1 when the program does not answer, 2 when there is no such upstream.',
    ],
    DRAIN_OPTIONS,
  );
}
