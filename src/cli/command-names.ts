// The names of the commands, and which of them the words ask for.

/** Each is a file in this directory. */
export const COMMANDS = [
  'serve',
  'check',
  'status',
  'top',
  'drain',
  'undrain',
  'enable',
  'disable',
  'weight',
  'reload',
  'upgrade',
  'alert-test',
  'units',
  'completion',
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What the words ask for; without a command that is to serve. */
export function commandOf(words: readonly string[]): CommandName {
  return COMMANDS.find((name) => name === words[0]) ?? 'serve';
}
