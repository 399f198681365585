// `fcgi-lb completion`: prints a script that makes a shell complete our commands, and the names
// that such a script asks for.

import { basename } from 'node:path';
import type { Status } from '../../admin/status.ts';
import { oneOf } from '../../config/values.ts';
import { asError, ConfigError } from '../../core/errors.ts';
import { adminClient, askStatus } from '../admin.ts';
import { readCommand } from '../command.ts';
import { ALL_COMMANDS } from '../commands.ts';
import { bashCompletion } from './bash.ts';
import { COMPLETION, NAMES, SHELLS } from './completion-command.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
/** ms: the user has pressed a key and waits. */
const PATIENCE = 1000;

/** @throws ConfigError when the words make no sense */
export async function completion(words: readonly string[]): Promise<0> {
  // Asked for names it needs no shell.
  const named = words.some((word) => word === '--names' || word.startsWith('--names='));
  const read = readCommand(words, named ? { ...COMPLETION, operands: [] } : COMPLETION);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const kind = options.get('names')?.[0];
  if (kind !== undefined) {
    const names = await namesOf(options, parsed('option --names', NAMES, kind));
    process.stdout.write(names.map((name) => `${name}\n`).join(''));
    return 0;
  }
  process.stdout.write(SCRIPTS[parsed('completion', SHELLS, operands[0] ?? '')](ALL_COMMANDS));
  return 0;
}

function parsed<const T extends string>(what: string, allowed: readonly T[], text: string): T {
  try {
    return oneOf(allowed)(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${what}: ${error.message}`);
    throw error;
  }
}

/**
 * Nothing when no program answers: the shell has nothing to offer then, and no use for a message.
 */
async function namesOf(
  options: ReadonlyMap<string, readonly string[]>,
  kind: (typeof NAMES)[number],
): Promise<readonly string[]> {
  try {
    const status = await askStatus(adminClient(options, 'completion'), { timeout: PATIENCE });
    // A name with a line break in it would be several.
    return namesIn(status, kind).filter((name) => !/[\r\n]/.test(name));
  } catch (error) {
    asError(error);
    return [];
  }
}

/** `upstreams`: the shortest word that means each; `addresses`: in full. */
export function namesIn({ pools }: Status, kind: (typeof NAMES)[number]): readonly string[] {
  const present = pools.filter(({ leaving }) => !leaving);
  if (kind === 'pools') return present.map(({ name }) => name);
  const addresses = [
    ...new Set(present.flatMap(({ upstreams }) => upstreams.flatMap(({ name, leaving }) => (leaving ? [] : [name])))),
  ];
  if (kind === 'addresses') return addresses;
  const times = new Map<string, number>();
  for (const address of addresses) times.set(basename(address), (times.get(basename(address)) ?? 0) + 1);
  return addresses.map((address) => (times.get(basename(address)) === 1 ? basename(address) : address));
}
