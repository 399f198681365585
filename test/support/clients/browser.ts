// Chromium without a window, one for a test file; each test has a page of its own, on which
// everything that goes wrong is kept.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { hasProgram, programPath } from '../program/programs.ts';

export interface Opened {
  readonly page: Page;
  /**
   * Errors and warnings on the console, uncaught exceptions, broken rules of the
   * Content-Security-Policy.
   */
  readonly problems: string[];
  /** The addresses of all that was asked for. */
  readonly requested: string[];
}

export interface View {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
}

/** @returns opens a page at an address; it is closed when the test is over */
export function useBrowser(): (url: string, view?: View) => Promise<Opened> {
  let browser: Browser | undefined;
  // Without Chromium the tests that need it are skipped.
  beforeAll(async () => {
    if (!hasProgram('chromium')) return;
    const { chromium } = await import('playwright-core');
    // As root Chromium runs without its sandbox only; it is shown nothing but our own pages.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: programPath('chromium'), args });
  });
  afterAll(() => browser?.close());
  return async (url, { width = 1280, scheme = 'light' } = {}) => {
    if (browser === undefined) throw new Error('chromium is not installed');
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, timezoneId: 'UTC' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    const requested: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
    page.on('request', (request) => requested.push(request.url()));
    await page.goto(url);
    await page.locator('#link', { hasText: /^live$/ }).waitFor();
    return { page, problems, requested };
  };
}
