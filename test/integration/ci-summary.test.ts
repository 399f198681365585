// The last line of a CI run: what fails is counted, and so is what was skipped, since a skipped
// test is a check that did not happen.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/ci-summary.mjs');

type Outcome = 'passed' | 'failed' | 'skipped' | 'todo';

/** A report as vitest writes it. */
function reportOf(outcomes: readonly Outcome[]): unknown {
  const count = (outcome: Outcome): number => outcomes.filter((each) => each === outcome).length;
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('skipped'),
    numTodoTests: count('todo'),
    testResults: [
      {
        status: count('failed') > 0 ? 'failed' : 'passed',
        assertionResults: outcomes.map((status, at) => ({ status, fullName: `test ${at}` })),
      },
    ],
  };
}

function summary(report: unknown, ...checks: readonly string[]): { readonly code: number | null; readonly lines: string[] } {
  const path = join(tempDir(), 'report.json');
  if (report !== undefined) writeFileSync(path, JSON.stringify(report));
  const { status, stdout } = spawnSync(process.execPath, [SCRIPT, path, ...checks], { encoding: 'utf8' });
  return { code: status, lines: stdout.trimEnd().split('\n') };
}

describe('the summary of a CI run', () => {
  it('passes when every test and every check passed', () => {
    const { code, lines } = summary(reportOf(['passed', 'passed']), 'linter=0');
    expect([code, lines]).toEqual([0, ['linter: passed', '3 passed, 0 failed, 0 skipped']]);
  });

  it.each(['skipped', 'todo'] as const)('fails when a test was %s, and names it', (outcome) => {
    const { code, lines } = summary(reportOf(['passed', outcome]));
    expect([code, lines]).toEqual([1, ['skipped: test 1', '1 passed, 0 failed, 1 skipped']]);
  });

  it('fails when a test or a check failed', () => {
    expect(summary(reportOf(['passed', 'failed']), 'linter=0').code).toBe(1);
    const { code, lines } = summary(reportOf(['passed']), 'linter=2');
    expect([code, lines]).toEqual([1, ['linter: failed (exit code 2)', '1 passed, 1 failed, 0 skipped']]);
  });

  it('fails when a file could not be loaded, nothing ran, or there is no report', () => {
    const broken = { ...(reportOf(['passed']) as object), testResults: [{ status: 'failed', assertionResults: [] }] };
    expect(summary(broken).lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped');
    expect(summary(broken).code).toBe(1);
    expect(summary(reportOf([])).code).toBe(1);
    expect([summary(undefined).code, summary(undefined).lines.at(-1)]).toEqual([1, '0 passed, 1 failed, 0 skipped']);
  });
});
