#!/usr/bin/env node
// The command: reads the words, runs what they ask for, and turns every ending into a message and
// an exit code.

import { readFileSync } from 'node:fs';
import type { Settings } from '../config/settings.ts';
import { ConfigError } from '../core/errors.ts';
import { type CommandName, commandOf } from './command-names.ts';
import { fatalMessage } from './fatal.ts';
import { HeldSignals } from './held-signals.ts';
import type { Options } from './options/raw.ts';
import type { UpstreamVerb } from './upstream-commands.ts';

// Before anything is loaded that takes time, hence no other imports that do.
const signals = new HeldSignals(process);

/**
 * 0: ended as asked; 1: could not run; 2: the words, or the file they name, make no sense; 3: the
 * running program does not permit it.
 */
type ExitCode = 0 | 1 | 2 | 3;

async function main(words: readonly string[]): Promise<ExitCode> {
  try {
    const command = commandOf(words);
    // A command ends with its terminal.
    if (command !== 'serve') signals.release();
    if (command !== 'serve') return await (await COMMAND[command]())(words);
    const { readCommandLine } = await import('./options/read.ts');
    const { options } = readCommandLine(words);
    if (options.has('help')) {
      const { helpText } = await import('./help.ts');
      process.stdout.write(helpText());
      return 0;
    }
    if (options.has('version')) {
      process.stdout.write(`${version()}\n`);
      return 0;
    }
    const { serve } = await import('./serve.ts');
    return await serve(await loaderOf(options, process.stderr.isTTY === true), version(), signals);
  } catch (error) {
    process.stderr.write(fatalMessage(error));
    if (error instanceof ConfigError) return 2;
    // By its name: the class comes with what talks to a running program, and a start does not wait
    // for that.
    return error instanceof Error && error.name === 'NotPermittedError' ? 3 : 1;
  }
}

/** What a command needs is loaded when it is asked for. */
const COMMAND: Readonly<
  Record<Exclude<CommandName, 'serve'>, () => Promise<(words: readonly string[]) => ExitCode | Promise<ExitCode>>>
> = {
  check: async () => (await import('./check.ts')).check,
  units: async () => {
    const { units } = await import('./units.ts');
    return (words) => units(words, [process.execPath, ...process.argv.slice(1, 2)]);
  },
  completion: async () => (await import('./completion/script.ts')).completion,
  status: async () => (await import('./status.ts')).status,
  top: async () => (await import('./top.ts')).top,
  drain: async () => (await import('./drain.ts')).drain,
  undrain: () => upstreamCommand('undrain'),
  enable: () => upstreamCommand('enable'),
  disable: () => upstreamCommand('disable'),
  weight: () => upstreamCommand('weight'),
  reload: async () => (await import('./reload.ts')).reload,
  'alert-test': async () => (await import('./alert-test.ts')).alertTest,
  upgrade: async () => (await import('./upgrade.ts')).upgrade,
};

async function upstreamCommand(name: UpstreamVerb): Promise<(words: readonly string[]) => Promise<0>> {
  const { changeUpstream } = await import('./upstream-commands.ts');
  return (words) => changeUpstream(name, words);
}

/**
 * Reading files takes libraries that the rest of the program does without: a start without a file
 * does not wait for them.
 */
async function loaderOf(options: Options, terminal: boolean): Promise<() => Settings> {
  if (!options.has('config')) {
    const { settingsFrom } = await import('./settings.ts');
    return () => settingsFrom(options, terminal);
  }
  const { settingsFromFile } = await import('./file-settings.ts');
  return () => settingsFromFile(options, terminal);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version: text } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return text;
}

process.exit(await main(process.argv.slice(2)));
