// What docs/logs.md says of the logs agrees with the program: its variables, the format combined,
// the fields of JSON.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAccessLogTarget } from '../../src/config/access-log.ts';
import { COMBINED, checkLogFormat, logVariables } from '../../src/config/log-format.ts';
import { createAccessLog } from '../../src/http/access-log/access-log.ts';
import { FakeClock } from '../support/fake-clock.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/logs.md'), 'utf8');

/** The first cells of the rows of a table, by its head. */
function cells(head: string): string[] {
  const table = PAGE.split(`| ${head} |`)[1]?.split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell);
}

describe('docs/logs.md', () => {
  it('has every variable once', () => {
    const shown = cells('variable').flatMap((cell) => [...cell.matchAll(/`\$(\w+)`/g)].map(([, name]) => name));
    expect(shown.sort()).toEqual([...logVariables(), 'arg_NAME', 'cookie_NAME', 'http_NAME', 'sent_http_NAME'].sort());
  });

  it('shows combined as it is', () => {
    expect(PAGE).toContain(`\`\`\`text\n${COMBINED}\n\`\`\``);
  });

  it('has every field of JSON, in order', () => {
    const lines: string[] = [];
    createAccessLog(
      'json',
      new FakeClock(),
      (line) => void lines.push(line),
    )({
      client: 'c',
      method: 'GET',
      path: '/',
      status: 200,
      bytes: 1,
      upstream: 'u',
      attempts: 1,
      queue: 1,
      connect: 1,
      head: 1,
      total: 1,
      error: 'E',
      requestId: 'r',
      pool: 'p',
    });
    const shown = cells('field').flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(shown).toEqual(Object.keys(JSON.parse(lines[0] ?? '')));
  });

  it('shows formats and targets that are taken', () => {
    for (const [, format = ''] of PAGE.matchAll(/--access-log-format '([^']+)'/g)) expect(checkLogFormat(format)).toBe(format);
    const targets = cells('`--access-log`').flatMap((cell) =>
      [...cell.matchAll(/^`([^`]+)`$/g)].map(([, target = '']) => target),
    );
    expect(targets).toHaveLength(5);
    for (const target of targets) parseAccessLogTarget(target.replace('PORT', '514'), (path) => path);
    for (const [, option = ''] of PAGE.matchAll(/`,(facility=\w+|severity=\w+|tag=\w+)`/g)) {
      expect(parseAccessLogTarget(`syslog:a,${option}`, String)).toEqual(parseAccessLogTarget('syslog:a', String));
    }
  });
});
