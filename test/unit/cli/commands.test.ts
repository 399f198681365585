// The tables of the commands: complete, consistent, and clear enough for a shell to know what
// belongs where.

import { describe, expect, it } from 'vitest';
import { commandHelp, usageOf } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/command-names.ts';
import { ALL_COMMANDS } from '../../../src/cli/commands.ts';
import { candidatesFor } from '../../../src/cli/completion/candidates.ts';
import { namesIn } from '../../../src/cli/completion/script.ts';
import { helpText } from '../../../src/cli/help.ts';
import { document, pool, upstream } from '../../support/admin/status-documents.ts';

const OPTIONS = ALL_COMMANDS.flatMap(({ name, options }) => options.map((option) => ({ command: name, option })));

describe('the table of commands', () => {
  it('has every command that is taken, in the same order', () => {
    expect(ALL_COMMANDS.map(({ name }) => name)).toEqual([...COMMANDS]);
  });

  it('is what the help of the program names, each command', () => {
    const usage = helpText().split('\n  --')[0];
    for (const name of COMMANDS) expect(usage).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it('has a usage, a summary and exit codes for each, and --help', () => {
    for (const command of ALL_COMMANDS) {
      expect(usageOf(command)[0]).toMatch(/^fcgi-lb /);
      expect(command.summary).toMatch(/^[a-z].*[a-z]$/);
      expect(command.exit).toMatch(/^0.*\.$/);
      expect(command.about.length).toBeGreaterThan(0);
      expect(command.options.at(-1)?.name).toBe('help');
      expect(commandHelp(command)).toContain(command.exit);
    }
  });

  it('takes a token wherever something is changed over the admin listener', () => {
    const takes = (name: string) =>
      ALL_COMMANDS.flatMap((each) => (each.options.some((option) => option.name === name) ? [each.name] : []));
    const reads = ['serve', 'status', 'top', 'completion'];
    expect(takes('token-file')).toEqual(takes('admin').filter((name) => !reads.includes(name)));
  });
});

describe('what completion offers', () => {
  it.each(OPTIONS.map(({ command, option }) => [`${command} --${option.name}`, option] as const))(
    'for %s fits what stands for its value',
    (_name, option) => {
      const offer = candidatesFor(option);
      const { value } = option;
      if (value === undefined) return expect(offer).toBeUndefined();
      if (value === 'FILE' && option.name !== 'index') expect(offer?.paths).toBe('file');
      if (value === 'DIR') expect(offer?.paths).toBe('directory');
      if (value === 'ADDR') expect(offer?.paths).toBe('file');
      if (value === 'LEVEL') expect(offer?.words.length).toBeGreaterThan(1);
      if (value.includes('|')) expect(offer?.words.length).toBeGreaterThan(0);
      // What is offered is explained: the help names it.
      for (const word of offer?.words ?? []) expect(`${value} ${option.help} ${option.preset ?? ''}`).toContain(word);
      return undefined;
    },
  );

  it('are the shortest words that mean an upstream, or whole addresses, and nothing that has left', () => {
    const status = document([
      pool('rt', [
        upstream('/run/a/rt1.sock'),
        upstream('/run/rt2.sock'),
        upstream('/run/gone.sock', 'up', { leaving: true }),
        upstream('127.0.0.1:9000'),
      ]),
      pool('php', [upstream('/run/b/rt1.sock'), upstream('/run/rt2.sock')]),
      pool('old', [upstream('/run/old.sock')], { leaving: true }),
    ]);
    expect(namesIn(status, 'pools')).toEqual(['rt', 'php']);
    expect(namesIn(status, 'addresses')).toEqual(['/run/a/rt1.sock', '/run/rt2.sock', '127.0.0.1:9000', '/run/b/rt1.sock']);
    expect(namesIn(status, 'upstreams')).toEqual(['/run/a/rt1.sock', 'rt2.sock', '127.0.0.1:9000', '/run/b/rt1.sock']);
  });
});
