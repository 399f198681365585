// What a command is: the one description from which its words are read and its help, its completion
// and the man page are made.

import type { ValueKind } from '../config/option-form.ts';
import { ConfigError } from '../core/errors.ts';
import type { CommandName } from './command-names.ts';
import { optionRows } from './help.ts';
import { readOptions } from './options/read.ts';
import type { Option } from './options/table.ts';

/** A word that belongs to no option. */
export interface Operand {
  readonly name: string;
  /** In a sentence: "needs an upstream". */
  readonly what: string;
  /** What completion offers for it. */
  readonly takes?: ValueKind;
}

export interface Command {
  readonly name: CommandName;
  /** What it does, in half a line. */
  readonly summary: string;
  /** Instead of what the tables say, where they do not say which options are needed. */
  readonly usage?: readonly string[];
  readonly operands?: readonly Operand[];
  readonly options: readonly Option[];
  /** Sentences for the help and the man page, one line each. */
  readonly about: readonly string[];
  /** What the exit codes mean here. */
  readonly exit: string;
}

interface Words<C extends Command> {
  readonly options: ReadonlyMap<C['options'][number]['name'], readonly string[]>;
  /** As many as the command has operands. */
  readonly operands: readonly string[];
}

/**
 * Reads the words of a command, or prints its help when that is what they ask for.
 * @returns undefined when the help was printed, and nothing is left to do
 * @throws ConfigError when the words make no sense
 */
export function readCommand<const C extends Command>(words: readonly string[], command: C): Words<C> | undefined {
  const operands: string[] = [];
  const options = readOptions<C['options']>(words, command.options, command.name, (word) => void operands.push(word));
  if (options.has('help')) {
    process.stdout.write(commandHelp(command));
    return undefined;
  }
  const wanted = command.operands ?? [];
  const missing = wanted[operands.length];
  if (missing !== undefined) {
    throw new ConfigError(`${command.name} needs ${missing.what}; see fcgi-lb ${command.name} --help`);
  }
  const more = operands[wanted.length];
  if (more !== undefined) throw new ConfigError(`unexpected word '${more}'`);
  return { options, operands };
}

/** How the command is written, one form a line. */
export function usageOf({ name, usage, operands = [], options }: Command): readonly string[] {
  if (usage !== undefined) return usage;
  const optional = options.filter((option) => option.name !== 'help').map((option) => `[${written(option)}]`);
  return [['fcgi-lb', name, ...operands.map((operand) => operand.name), ...optional].join(' ')];
}

export function written({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

export function commandHelp(command: Command): string {
  const usage = usageOf(command).map((line, index) => `${index === 0 ? 'Usage:' : '      '} ${line}`);
  return [...usage, '', ...command.about, `Exit code: ${command.exit}`, '', ...optionRows(command.options), ''].join('\n');
}
