// Prints the last line of a CI run, `N passed, N failed, N skipped`, from the test runner's report
// and the other checks. Usage: node scripts/ci-summary.mjs REPORT NAME=EXIT_CODE... Exits 1 unless
// all passed and nothing was skipped.

import { readFileSync } from 'node:fs';

const [report, ...checks] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;

for (const check of checks) {
  const [name, code] = check.split('=');
  if (code === '0') passed += 1;
  else failed += 1;
  console.log(`${name}: ${code === '0' ? 'passed' : `failed (exit code ${code})`}`);
}
try {
  const results = JSON.parse(readFileSync(report, 'utf8'));
  passed += results.numPassedTests;
  failed += results.numFailedTests;
  skipped += results.numPendingTests + results.numTodoTests;
  for (const file of results.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'pending' || test.status === 'skipped' || test.status === 'todo')
        console.log(`skipped: ${test.fullName}`);
    }
    // A file that fails to load has no tests to count.
    if (file.status === 'failed' && file.assertionResults.length === 0) failed += 1;
  }
} catch (error) {
  console.log(`no test report: ${error.message}`);
  failed += 1;
}
// In CI everything the tests need is installed: a skipped test is a check that did not happen.
process.exitCode = failed > 0 || skipped > 0 || passed === 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
