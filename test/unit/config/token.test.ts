// The admin token: from which files it is taken, and that what is made of it can be compared and
// not read.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { configHost } from '../../../src/app/config-host.ts';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import { readTokenFile } from '../../../src/config/token.ts';
import { ConfigError } from '../../../src/core/errors.ts';
import { Secret } from '../../../src/core/secret.ts';
import { load, problemsOf } from '../../support/parts/config-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

const TOKEN = 'a-token-of-32-letters-and-digits';

function tokenFile(text: string, mode = 0o600): string {
  const path = join(tempDir(), 'token');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const read = (path: string): string => readTokenFile(path, configHost(false));

describe('a token file', () => {
  it.each(['0400', '0600', '0640', '0440', '0660'])('of mode %s is read, without the whitespace around it', (octal) => {
    expect(read(tokenFile(`\n ${TOKEN}\t\r\n`, Number.parseInt(octal, 8)))).toBe(TOKEN);
  });

  it.each(['0604', '0644', '0666', '0602', '0777'])('of mode %s is refused: it is open to all users', (octal) => {
    const path = tokenFile(TOKEN, Number.parseInt(octal, 8));
    expect(() => read(path)).toThrow(
      new ConfigError(`'${path}' is open to all users (mode ${octal}): expected 0600 or 0640; chmod o= '${path}' helps`),
    );
  });

  it.each([
    ['', 'a token of 0 characters is too short: expected at least 16'],
    [' 0123456789abcde \n', 'a token of 15 characters is too short'],
    ['these-are two-words-now', 'one word of ASCII characters'],
    ['0123456789abcdéf', 'one word of ASCII characters'],
    [`${TOKEN}\n${TOKEN}\n`, 'one word of ASCII characters'],
    [`${TOKEN}\x07x`, 'one word of ASCII characters'],
  ])('that holds %j is refused, and what it holds is not quoted', (text, message) => {
    const path = tokenFile(text);
    expect(() => read(path)).toThrow(message);
    try {
      read(path);
    } catch (error) {
      for (const word of text.split(/\s+/)) if (word !== '') expect(String(error)).not.toContain(word);
    }
  });

  it('that is not there, or is none, is named', () => {
    const directory = tempDir();
    expect(() => read(join(directory, 'none'))).toThrow(
      new ConfigError('there is no such file; expected the path of a file that holds the token'),
    );
    mkdirSync(join(directory, 'dir'), { mode: 0o700 });
    expect(() => read(join(directory, 'dir'))).toThrow(new ConfigError(`cannot read '${directory}/dir': it is a directory`));
  });
});

describe('the setting', () => {
  it('comes from an option or from a key, and is a secret in the settings', () => {
    const path = tokenFile(TOKEN);
    const words = ['--upstream', '/a', '--admin-token-file', path];
    const { options } = readCommandLine(words);
    expect(settingsFrom(options, false).adminToken?.matches(TOKEN)).toBe(true);
    const text = 'admin_token_file: /etc/token\npools: { rt: { upstreams: [/a] } }\n';
    const { adminToken } = load(text, { '/etc/token': `${TOKEN}\n` }).settings;
    expect([adminToken?.matches(TOKEN), adminToken?.matches(`${TOKEN}\n`)]).toEqual([true, false]);
    expect(problemsOf(text.replace('/etc/', '/open/'), { '/open/token': TOKEN })).toEqual([
      "f.yaml:1:19: admin_token_file: '/open/token' is open to all users (mode 0644): expected 0600 or 0640; chmod o= '/open/token' helps",
    ]);
  });

  it('is complained of with the name of the option', () => {
    const { options } = readCommandLine(['--upstream', '/a', '--admin-token-file', '/nonexistent/token']);
    expect(() => settingsFrom(options, false)).toThrow(
      new ConfigError('option --admin-token-file: there is no such file; expected the path of a file that holds the token'),
    );
  });
});

describe('a secret', () => {
  it('matches itself and nothing else, of whatever length', () => {
    const secret = new Secret(TOKEN);
    expect(secret.matches(TOKEN)).toBe(true);
    for (const other of ['', 'a', TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), 'é'.repeat(32)])
      expect(secret.matches(other)).toBe(false);
  });

  it('shows nothing of itself, in whatever way it is printed', () => {
    const secret = new Secret(TOKEN);
    const shown = [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret, { depth: 9, showHidden: true }),
      `${Object.values(secret)}`,
    ];
    for (const text of shown) expect(text).not.toContain(TOKEN.slice(0, 4));
  });
});
