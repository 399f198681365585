// `npm run screenshot`: makes docs/live-page.png, the live page in a situation played for it. Needs
// chromium (scripts/install-test-programs.sh).

import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { openStage } from '../test/support/admin/admin-fixture.ts';
import { SCENE } from '../test/support/admin/page-fixture.ts';

const [file = fileURLToPath(new URL('../docs/live-page.png', import.meta.url)), width = '1280', scheme = 'light'] =
  process.argv.slice(2);

const stage = await openStage();
// As root Chromium runs without its sandbox only; it loads nothing but our own page.
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
try {
  const page = await browser.newPage({
    viewport: { width: Number(width), height: width === '360' ? 3000 : 1330 },
    colorScheme: scheme === 'dark' ? 'dark' : 'light',
    timezoneId: 'UTC',
  });
  await page.goto(stage.url);
  await page.getByText('live', { exact: true }).waitFor();
  await stage.play(SCENE.seconds);
  await page.getByText('rt2.sock is draining').first().waitFor();
  await page.waitForTimeout(300);
  await page.screenshot({ fullPage: true, path: file });
} finally {
  await browser.close();
  await stage.close();
}
console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KiB`);
