// What docs/alerts.md shows is so: the document, the defaults, the variables of a command, and the
// script, which is run.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { documentOf, type Message } from '../../src/alerts/message.ts';
import { ALERT_KINDS } from '../../src/config/alerts.ts';
import { ALERT_DEFAULTS } from '../../src/config/defaults.ts';
import { command, deliver, MESSAGE } from '../support/admin/alert-senders.ts';
import { load } from '../support/parts/config-file.ts';
import { itWith } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8');

function block(language: string, beginning = ''): string {
  const blocks = [...PAGE.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text);
  const found = blocks.find((text) => text.includes(beginning));
  if (found === undefined) throw new Error(`no block of ${language} with ${beginning}`);
  return found;
}

/** The first column of the table with this head. */
function column(head: string): readonly string[] {
  const table = PAGE.slice(PAGE.indexOf(`| ${head} |`) + 1).split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
}

describe('docs/alerts.md', () => {
  it('shows the document of a message as it is', () => {
    const [alert] = MESSAGE.alerts ?? [];
    if (alert === undefined) throw new Error('an alert');
    const message: Message = {
      ...MESSAGE,
      id: '5c0e8b8e-7c5e-4f0e-9d0f-4b1f6c1d2a3b',
      at: new Date('2026-01-02T03:04:15.678Z'),
      alerts: [{ ...alert, since: new Date('2026-01-02T03:04:05.678Z') }],
    };
    expect(block('json')).toBe(`${JSON.stringify(JSON.parse(documentOf(message)), null, 2)}\n`);
  });

  it('explains every field of it, every kind, and every variable of a command', async () => {
    const fields = Object.keys(JSON.parse(documentOf(MESSAGE)) as object).filter((name) => name !== 'more');
    expect(column('field').toSorted()).toEqual(fields.toSorted());
    expect(column('`kind`')).toEqual(ALERT_KINDS);
    const file = join(tempDir(), 'environment');
    await deliver(command(['sh', '-c', `env > ${file}`]));
    const set = [...readFileSync(file, 'utf8').matchAll(/^(FCGI_LB_ALERT_\w+)=/gm)].map(([, name = '']) => name);
    expect(column('variable').toSorted()).toEqual(set.toSorted());
  });

  it('shows the defaults', () => {
    const { targets, name, ...settings } = load(block('yaml', 'after:')).settings.alerts;
    const { targets: _, name: __, ...defaults } = ALERT_DEFAULTS;
    expect(settings).toEqual(defaults);
    expect([name, targets.length]).toEqual(['web1', 1]);
  });

  itWith('bash')('shows a script that works', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'script'), block('bash'), { mode: 0o755 });
    writeFileSync(join(directory, 'mail'), `#!/bin/sh\n{ echo "$@"; cat; } > ${directory}/sent\n`, { mode: 0o755 });
    const path = process.env['PATH'];
    process.env['PATH'] = `${directory}:${path}`;
    onTestFinished(() => {
      process.env['PATH'] = path;
    });
    const script = command([join(directory, 'script')]);
    expect(await deliver(script, { message: { ...MESSAGE, alerts: [] } })).toMatchObject({ kind: 'delivered' });
    expect(() => readFileSync(join(directory, 'sent'))).toThrow('ENOENT');
    expect(await deliver(script)).toMatchObject({ kind: 'delivered' });
    expect(readFileSync(join(directory, 'sent'), 'utf8')).toBe(
      '-s web1: upstream root\nweb1: upstream /run/rt1.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection\n',
    );
  });
});
