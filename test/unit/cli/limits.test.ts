// Limits that would fail every request are refused at the start.

import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';

const settings = (...words: readonly string[]) =>
  settingsFrom(readCommandLine(['--upstream', '/run/a.sock', ...words]).options, false);

describe('a limit of nothing', () => {
  it.each(['connect-timeout', 'send-timeout', 'read-timeout', 'header-timeout', 'body-timeout', 'client-send-timeout'])(
    'is refused for --%s',
    (name) => {
      expect(() => settings(`--${name}`, '0')).toThrow(`option --${name}: '0' is no limit`);
      expect(() => settings(`--${name}`, '1ms')).not.toThrow();
    },
  );

  it('is refused for --max-response-head', () => {
    expect(() => settings('--max-response-head', '0')).toThrow('option --max-response-head');
  });

  it('is how not to wait: --queue-timeout 0 and --queue 0 are taken', () => {
    expect(settings('--queue-timeout', '0', '--queue', '0').pools[0]?.queue).toEqual({ size: 0, timeout: 0 });
  });

  it('has an opposite: sizes beyond what can be counted are refused', () => {
    expect(() => settings('--max-body', '99999999999999g')).toThrow('is not a size');
  });
});
