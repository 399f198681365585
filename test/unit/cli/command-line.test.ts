// readCommandLine: from words to options, and one clear message for words that make no sense.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsFromFile } from '../../../src/cli/file-settings.ts';
import { helpText } from '../../../src/cli/help.ts';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { SERVE_OPTIONS } from '../../../src/cli/options/table.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import { ConfigError } from '../../../src/core/errors.ts';

function optionsOf(...words: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(readCommandLine(words).options);
}

describe('readCommandLine', () => {
  it('takes what the shell made of a glob: every word up to the next option', () => {
    expect(optionsOf('--upstream', '/run/rt1.sock', '/run/rt2.sock', '/run/rt3.sock', '--listen', '127.0.0.1:80')).toEqual({
      upstream: ['/run/rt1.sock', '/run/rt2.sock', '/run/rt3.sock'],
      listen: ['127.0.0.1:80'],
    });
    expect(optionsOf('--php', '--upstream=/a', '/b', '--upstream', '/c')).toEqual({ php: ['on'], upstream: ['/a', '/b', '/c'] });
  });

  it('takes serve as the command, and nothing else', () => {
    expect(optionsOf('serve', '--upstream', '/a')).toEqual({ upstream: ['/a'] });
    expect(optionsOf()).toEqual({});
    expect(() => readCommandLine(['frobnicate'])).toThrow(
      new ConfigError(
        "unknown command 'frobnicate'; expected serve, check, status, top, drain, undrain, enable, disable, weight, reload, upgrade, alert-test, units, completion",
      ),
    );
    expect(() => readCommandLine(['serve', 'serve'])).toThrow(new ConfigError("unexpected word 'serve'"));
  });

  it('suggests the command that may have been meant', () => {
    expect(() => readCommandLine(['stauts'])).toThrow(/^unknown command 'stauts'; expected serve, .*; did you mean 'status'\?$/);
  });

  it('takes values that look a little like options: a dash, an equals sign, nothing', () => {
    expect(optionsOf('--access-log', '-', '--param', 'A=--b', '--param=C=D=E', '--param', 'F=')).toEqual({
      'access-log': ['-'],
      param: ['A=--b', 'C=D=E', 'F='],
    });
    expect(optionsOf('--index=')).toEqual({ index: [''] });
  });

  it.each([
    [['--frobnicate'], 'unknown option --frobnicate; see fcgi-lb --help'],
    [['--frobnicate=1'], 'unknown option --frobnicate; see fcgi-lb --help'],
    [['--no-php'], 'unknown option --no-php; see fcgi-lb --help'],
    [['--Upstream', '/a'], 'unknown option --Upstream; see fcgi-lb --help'],
    [['-x'], 'unknown option -x; see fcgi-lb --help'],
    [['-php'], 'unknown option -p; see fcgi-lb --help'],
    [['--read-timout', '5s'], "unknown option --read-timout; see fcgi-lb --help; did you mean '--read-timeout'?"],
    [['--listen', 'a:1', 'b:2'], "unexpected word 'b:2'"],
    [['--upstream', '/a', '--php', '/b'], "unexpected word '/b'"],
    [['--php=yes'], 'option --php takes no value'],
    [['--listen'], 'option --listen needs a value: ADDR'],
    [['--upstream', '--listen', 'a:1'], 'option --upstream needs a value: WHAT...'],
    [['--queue', '1', '--queue', '2'], 'option --queue is given twice'],
    [['--php', '--php'], 'option --php is given twice'],
  ])('refuses %j', (words, message) => {
    expect(() => readCommandLine(words)).toThrow(new ConfigError(message));
  });

  it('lets exactly the repeatable options be given twice', () => {
    for (const option of SERVE_OPTIONS) {
      const words = 'value' in option ? [`--${option.name}=x`] : [`--${option.name}`];
      const twice = (): unknown => readCommandLine([...words, ...words]);
      if ('repeatable' in option) expect(twice).not.toThrow();
      else expect(twice).toThrow(`option --${option.name} is given twice`);
    }
  });

  it('knows every option by the name it has in the help, and the help names every option', () => {
    const help = helpText();
    for (const { name, help: text } of SERVE_OPTIONS) {
      expect(help).toMatch(new RegExp(`^  --${name}(?: |$)`, 'm'));
      expect(help).toContain(text);
    }
    expect(help.match(/^ {2}--/gm)?.length).toBe(SERVE_OPTIONS.length);
  });

  it('throws nothing but ConfigError for any words, nor does what is made of them', () => {
    const word = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...SERVE_OPTIONS.map(({ name }) => `--${name}`)) },
      { weight: 2, arbitrary: fc.constantFrom(...SERVE_OPTIONS.map(({ name }) => `--${name}=`)) },
      fc.constantFrom(
        'serve',
        '/run/a.sock',
        '/run/*.sock',
        'a:1',
        '-',
        '--',
        '-1',
        '5',
        '30s',
        'on',
        'off',
        'auto',
        'A=b',
        '$',
        '**',
        '[',
        '{',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        try {
          const { options } = readCommandLine(words);
          if (options.has('config')) settingsFromFile(options, false);
          else settingsFrom(options, false);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.message.length).toBeGreaterThan(10);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
