// From the words of the command line to options, by a table of options.

import { parseArgs } from 'node:util';
import { nearest, suggestion } from '../../config/nearest.ts';
import { ConfigError } from '../../core/errors.ts';
import { COMMANDS, type CommandName } from '../command-names.ts';
import { type Option, type OptionName, SERVE_OPTIONS } from './table.ts';

export interface CommandLine {
  readonly command: 'serve';
  readonly options: ReadonlyMap<OptionName, readonly string[]>;
}

/**
 * Reads the words of `fcgi-lb [serve]`.
 * @throws ConfigError with one message that names the word at fault
 */
export function readCommandLine(words: readonly string[]): CommandLine {
  return { command: 'serve', options: readOptions(words, SERVE_OPTIONS, 'serve') };
}

/**
 * Reads the words of one command by its table of options.
 * @param operand takes the words that belong to no option; without it there must be none
 * @throws ConfigError with one message that names the word at fault
 */
export function readOptions<const T extends readonly Option[]>(
  words: readonly string[],
  table: T,
  command: CommandName,
  operand?: (word: string) => void,
): ReadonlyMap<T[number]['name'], readonly string[]> {
  type Name = T[number]['name'];
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      table.map((option) => [option.name, { type: option.value === undefined ? 'boolean' : 'string', multiple: true }] as const),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = new Map<Name, string[]>();
  let collecting: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'option') {
      const option = knownOption(table, token.name, token.rawName, command);
      const name: Name = option.name;
      if (option.value === undefined && token.value !== undefined)
        throw new ConfigError(`option ${token.rawName} takes no value`);
      if (option.value !== undefined && (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))) {
        throw new ConfigError(`option ${token.rawName} needs a value: ${option.value}`);
      }
      const values = options.get(name) ?? [];
      if (values.length > 0 && option.repeatable === undefined) throw new ConfigError(`option ${token.rawName} is given twice`);
      values.push(token.value ?? 'on');
      options.set(name, values);
      collecting = option.words ? values : undefined;
    } else if (token.kind === 'positional') {
      if (collecting !== undefined) collecting.push(token.value);
      else if (token.index === 0 && token.value === command) continue;
      else if (token.index === 0) {
        const near = suggestion(token.value, COMMANDS);
        throw new ConfigError(`unknown command '${token.value}'; expected ${COMMANDS.join(', ')}${near}`);
      } else if (operand !== undefined) operand(token.value);
      else throw new ConfigError(`unexpected word '${token.value}'`);
    }
  }
  return options;
}

function knownOption(table: readonly Option[], name: string, rawName: string, command: CommandName): Option {
  const found = table.find((option) => option.name === name);
  const help = command === 'serve' ? '--help' : `${command} --help`;
  if (found !== undefined) return found;
  // No option has capitals in its name: a word that has some was meant for another program.
  const near = /[A-Z]/.test(name)
    ? undefined
    : nearest(
        name,
        table.map((option) => option.name),
      );
  throw new ConfigError(
    `unknown option ${rawName}; see fcgi-lb ${help}${near === undefined ? '' : `; did you mean '--${near}'?`}`,
  );
}
