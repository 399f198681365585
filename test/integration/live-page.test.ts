// The live page in Chromium: that it answers an operator's questions, asks before it drains, and is
// there for everybody.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import type { ProbeSettings } from '../../src/config/health.ts';
import type { Reply } from '../peers/fastcgi-server.ts';
import { openStage } from '../support/admin/admin-fixture.ts';
import { SCENE, sceneStatus } from '../support/admin/page-fixture.ts';
import { useBrowser } from '../support/clients/browser.ts';
import { ask } from '../support/clients/http-client.ts';
import * as inPage from '../support/clients/in-page.js';
import { eventually } from '../support/eventually.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy, withPool } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const open = useBrowser();
const it = itWith('chromium');

async function staged(status?: (second: number) => Status) {
  const stage = await openStage(status === undefined ? {} : { status });
  onTestFinished(() => stage.close());
  return stage;
}

/** The address of the program's admin listener on TCP. */
function adminUrl({ log }: Awaited<ReturnType<typeof startProxy>>): string {
  const addresses = log.flatMap(({ fields }) => (Array.isArray(fields['admin']) ? (fields['admin'] as string[]) : []));
  return `http://${addresses.find((address) => address.startsWith('127'))}/`;
}

/** Everything that stands on the page for people to read. */
async function text(page: Page): Promise<string> {
  return (await page.locator('main').textContent()) ?? '';
}

/** What stands in the row of an upstream. */
function row(page: Page, name: string) {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });
}

describe('the live page', () => {
  it('loads nothing from elsewhere, breaks no rule of its policy and leaves the console empty', async () => {
    const stage = await staged();
    const { page, problems, requested } = await open(stage.url);
    await stage.play(5);
    await page.getByRole('button', { name: 'Drain /run/rt1.sock' }).click();
    await page.keyboard.press('Escape');
    expect(problems).toEqual([]);
    expect(requested.filter((url) => !url.startsWith(stage.url))).toEqual([]);
    expect(requested.length).toBeGreaterThan(10);
    // The rules do hold: what they forbid is a problem.
    await page.evaluate(inPage.loadForeignImage);
    await eventually(() => expect(problems.join()).toContain('Content Security Policy'));
  });

  it('tells a stranger who is slow, whether the queue grows, why rt3 is down and since when, and how the drain of rt2 goes', async () => {
    const finished = (second: number): Status => {
      const status = sceneStatus(second);
      if (second < 299) return status;
      const pools = status.pools.map((pool) => ({
        ...pool,
        upstreams: pool.upstreams.map((each) => (each.name === '/run/rt2.sock' ? { ...each, in_flight: 0 } : each)),
      }));
      return { ...status, pools };
    };
    const stage = await staged(finished);
    const { page } = await open(stage.url);
    await stage.play(295);
    await page.getByText('1 request is still in flight there').waitFor();
    const all = await text(page);
    expect(all).toMatch(/rt4\.sock is slow/);
    expect(all).toMatch(/The queue of pool rt is growing: \d+ requests wait, the oldest for/);
    expect(all).toMatch(/rt3\.sock is down since 12:02:15 \(2 min\): refused: nothing listens\./);
    expect(all).toMatch(/rt2\.sock is draining since 12:04:22/);
    // And in the tables, where one looks for an upstream by its name.
    expect(await row(page, 'rt4').textContent()).toMatch(/slow/);
    expect(await row(page, 'rt3').textContent()).toMatch(/down[\s\S]*12:02:15[\s\S]*nothing listens/);
    expect(await row(page, 'rt2').textContent()).toMatch(/draining, 1 left/);
    expect(all).toMatch(/\d+ waiting, growing/);
    expect(await page.getByRole('list').last().textContent()).toMatch(
      /^12:04:22\s+\/run\/rt2\.sock is draining \(was up\) in pool rt/,
    );
    await stage.play(5);
    await page.getByText('the drain is finished, nothing is in flight there').waitFor();
    expect(await row(page, 'rt2').textContent()).toMatch(/draining, finished/);
  });

  it('answers the same of a program with real workers', async () => {
    const directory = tempDir();
    const path = (name: string) => join(directory, `${name}.sock`);
    const held: Reply[] = [];
    let hold = false;
    const taking = (ms: number) => async (reply: Reply) => {
      if (hold) held.push(reply);
      else {
        await delay(ms);
        answer(reply, 'done');
      }
    };
    for (const [name, ms] of [
      ['rt1', 0],
      ['rt2', 0],
      ['rt4', 150],
    ] as const)
      await fakeWorker(taking(ms), { path: path(name) });
    await deadSocket(path('rt3'));
    const probe: ProbeSettings = {
      question: { kind: 'connect' },
      interval: 50,
      timeout: 5000,
      rise: 2,
      fall: 2,
      when: 'idle',
      wake: true,
    };
    const sockets = ['rt1', 'rt2', 'rt3', 'rt4'].map(path);
    const words = [
      '--upstream',
      ...sockets,
      '--max-conns',
      '1',
      '--balance',
      'round-robin',
      '--admin',
      path('admin'),
      '--admin',
      '127.0.0.1:0',
    ];
    const proxy = await startProxy(words, withPool({ probe }));
    const { page, problems } = await open(adminUrl(proxy));
    for (let i = 0; i < 9; i += 1) await ask(proxy.path);
    await page.getByText(/rt4\.sock is slow/).waitFor();
    await page.getByText(/rt3\.sock is down since .* refused: nothing listens/).waitFor();
    hold = true;
    const pending = [ask(proxy.path), ask(proxy.path), ask(proxy.path)];
    await eventually(() => expect(held.length).toBe(3));
    await ask(path('admin'), { method: 'POST', path: '/pools/default/upstreams/rt2.sock/drain', headers: { Host: 'localhost' } });
    await page.getByText(/rt2\.sock is draining since .*: 1 request is still in flight there/).waitFor();
    const timer = setInterval(() => pending.push(ask(proxy.path)), 400);
    onTestFinished(() => clearInterval(timer));
    await page.getByText(/The queue of pool default is growing: \d+ requests wait, the oldest for/).waitFor();
    clearInterval(timer);
    hold = false;
    for (const reply of held) answer(reply, 'done');
    await Promise.all(pending);
    await page.getByText(/rt2\.sock is draining since .*: the drain is finished, nothing is in flight there/).waitFor();
    await page
      .getByText(/a second$/)
      .filter({ hasText: /[1-9]/ })
      .waitFor();
    expect(await row(page, 'rt1.sock').textContent()).toMatch(/good \d+ s ago/);
    expect(problems).toEqual([]);
  });

  it('asks before it drains: a cancel does nothing, a refusal is shown, and what is permitted is done', async () => {
    const worker = await fakeWorker(answering('fine'));
    const admin = join(tempDir(), 'admin.sock');
    const proxy = await startProxy(['--upstream', worker.path, '--admin', admin, '--admin', '127.0.0.1:0']);
    const state = () => [...proxy.program.pool.upstreams][0]?.state.is;
    const { page } = await open(adminUrl(proxy));
    const posts: (string | undefined)[] = [];
    const origins = new Set<string | undefined>();
    page.on('request', (request) => {
      if (request.method() !== 'POST') return;
      posts.push(request.headers()['authorization']);
      void request.allHeaders().then(({ origin }) => origins.add(origin));
    });
    const dialog = page.getByRole('dialog');
    const drain = page.getByRole('button', { name: `Drain ${worker.path}`, exact: true });
    await drain.click();
    expect(await dialog.textContent()).toMatch(/Drain .*w\.sock\?[\s\S]*no new request[\s\S]*nothing in flight/);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect([posts, state()]).toEqual([[], 'up']);
    // Over TCP nobody can show who they are.
    await drain.click();
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'drain was refused: requests that change something' }).waitFor();
    expect([posts, state()]).toEqual([[undefined], 'up']);
    // Somebody in front who lets those with the token through.
    await page.route('**/pools/**', async (route) => {
      const { headers, path } = { headers: route.request().headers(), path: new URL(route.request().url()).pathname };
      if (headers['authorization'] !== 'Bearer a token') return route.fulfill({ status: 401, json: { error: 'not authorized' } });
      const { status, body } = await ask(admin, { method: 'POST', path, headers: { Host: 'localhost' } });
      return route.fulfill({ status, body });
    });
    await dialog.getByLabel('Token').fill('another token');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByText('drain was refused: not authorized; is the token the right one?').waitFor();
    await dialog.getByLabel('Token').fill('a token');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByText(`${worker.path} is draining, and nothing is in flight there.`).waitFor();
    expect(state()).toBe('draining');
    // The token is known until the page is closed, and nowhere but in its memory.
    await page.getByRole('button', { name: `Undrain ${worker.path}` }).click();
    await dialog.getByRole('button', { name: 'Undrain' }).click();
    await page.getByText(`${worker.path} is up.`).waitFor();
    expect(state()).toBe('up');
    expect([...origins]).toEqual([adminUrl(proxy).slice(0, -1)]);
    const kept = await page.evaluate(inPage.leftovers);
    expect(kept).toEqual([adminUrl(proxy), '', 0, 0]);
  });

  it('can be used with the keyboard alone, and shows where one is', async () => {
    const stage = await staged();
    const { page } = await open(stage.url);
    const focused = () => page.evaluate(inPage.focusedName);
    const tabTo = async (name: string) => {
      for (let i = 0; i < 60 && (await focused()) !== name; i += 1) await page.keyboard.press('Tab');
      expect(await focused()).toBe(name);
    };
    await tabTo('Skip to the pools');
    await tabTo('Drain /run/rt1.sock');
    expect(await page.evaluate(inPage.focusOutline)).toBe('solid');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await page.evaluate(inPage.focusInDialog)).toBe(true);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await focused()).toBe('Drain /run/rt1.sock');
    await page.keyboard.press('Enter');
    await page.keyboard.type('a token');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'refused' }).waitFor();
    await page.keyboard.press('Escape');
    await tabTo('State');
    await page.keyboard.press('Enter');
    const head = page.getByRole('columnheader', { name: 'State' }).first();
    await expect.poll(() => head.getAttribute('aria-sort')).toBe('ascending');
  });

  for (const scheme of ['light', 'dark'] as const) {
    it(`has enough contrast everywhere in the ${scheme}`, async () => {
      const stage = await staged();
      const { page } = await open(stage.url, { scheme });
      await stage.play(SCENE.seconds);
      await page.getByText('rt2.sock is draining').first().waitFor();
      await page.getByRole('button', { name: 'Drain /run/rt1.sock' }).click();
      const found = await page.evaluate(inPage.contrasts);
      expect(found.length).toBeGreaterThan(100);
      expect(found.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
      expect(await page.evaluate(inPage.pageBackground)).toBe(scheme === 'dark' ? 'rgb(16, 21, 27)' : 'rgb(244, 246, 248)');
    });
  }

  it('needs a line or two for an upstream on a desk', async () => {
    const stage = await staged();
    const { page } = await open(stage.url);
    await stage.play(SCENE.seconds);
    await page.getByText('is draining since').first().waitFor();
    const { button, row: most } = await page.evaluate(inPage.heights);
    expect(button).toBeLessThan(36);
    expect(most).toBeLessThan(90);
  });

  it('fits a phone without scrolling sideways, whatever the names', async () => {
    const long = (second: number): Status => {
      const status = sceneStatus(second);
      const pools = status.pools.map((pool) => ({
        ...pool,
        name: `${pool.name}-${'n'.repeat(60)}`,
        upstreams: pool.upstreams.map((each, index) => ({ ...each, name: `/run/${'x'.repeat(96)}${index}.sock` })),
      }));
      return { ...status, pools, reasons: [`/run/${'y'.repeat(100)}`] };
    };
    for (const status of [sceneStatus, long]) {
      const stage = await staged(status);
      const { page } = await open(stage.url, { width: 360 });
      await stage.play(SCENE.seconds);
      await page.getByText('is draining since').first().waitFor();
      expect(await page.evaluate(inPage.pageWidth)).toBe(360);
      await page
        .getByRole('button', { name: /^Drain \/run/ })
        .first()
        .click();
      const box = await page.getByRole('dialog').boundingBox();
      expect([(box?.x ?? -1) >= 0, (box?.x ?? 0) + (box?.width ?? 999) <= 360]).toEqual([true, true]);
    }
  });

  for (const width of [1280, 360]) {
    it(`has a name for everything, and tables that are tables, ${width} pixels wide`, async () => {
      const stage = await staged();
      const { page } = await open(stage.url, { width });
      await stage.play(30);
      // What was played is on its way: the names of plots tell when it has arrived.
      for (const plot of ['Requests a second', 'Requests that wait in the queue']) {
        await page
          .getByRole('img', { name: `${plot}: now` })
          .first()
          .waitFor();
      }
      const tree = await page.locator('body').ariaSnapshot();
      expect(
        tree
          .split('\n')
          .filter((line) => /^\s*- (?:button|textbox|searchbox|combobox|img|table|link|heading|region)(?::|$)/.test(line)),
      ).toEqual([]);
      for (const part of [
        'heading "fcgi-lb 0.1.0" [level=1]',
        'heading "At a glance" [level=2]',
        'region "Pool rt"',
        'table "Upstreams of pool rt"',
        'rowheader "/run/rt1.sock"',
        'columnheader "Head time p50 · p99"',
        width > 900 ? 'cell "1 of 1"' : 'cell "In flight: 1 of 1"',
        'searchbox "Find"',
        'combobox "Sort by"',
        'button "Drain /run/rt3.sock"',
      ]) {
        expect(tree).toContain(part);
      }
      expect(tree).toMatch(/img "Requests a second: now [\d.]+, between [\d.]+ and [\d.]+ in the last 5 minutes"/);
      expect(tree).toMatch(/img "Requests that wait in the queue: now \d+, between \d+ and \d+ in the last 5 minutes"/);
    });
  }

  it('says that the program is gone, and goes on when it is back', async () => {
    const worker = await fakeWorker(answering('fine'));
    const first = await startProxy(['--upstream', worker.path, '--admin', '127.0.0.1:0']);
    const url = adminUrl(first);
    const { page } = await open(url);
    await page.getByText(worker.path).first().waitFor();
    await first.stop();
    await page.getByText('no connection since').waitFor();
    const other = await fakeWorker(answering('fine'));
    await startProxy(['--upstream', other.path, '--admin', new URL(url).host]);
    await page.locator('#link', { hasText: /^live$/ }).waitFor();
    await page.getByRole('rowheader', { name: other.path }).waitFor();
    expect(await page.getByRole('rowheader', { name: worker.path }).count()).toBe(0);
    rmSync(other.path);
  });

  it('stays usable with a thousand upstreams: a hundred rows until all are asked for, and only what has changed is written', async () => {
    let busy = -1;
    const many = (second: number): Status => {
      const status = sceneStatus(second);
      const [rt] = status.pools;
      const like = sceneStatus(0).pools[0]?.upstreams[0];
      if (rt === undefined || like === undefined) throw new Error('the scene has a pool');
      const upstreams = Array.from({ length: 1000 }, (_, i) => ({
        ...like,
        name: `/run/rt${i}.sock`,
        in_flight: i === busy ? 0 : 1,
        last_probe: null,
      }));
      return { ...status, pools: [{ ...rt, upstreams }] };
    };
    const stage = await staged(many);
    const { page } = await open(stage.url);
    const rows = page.locator('tbody tr');
    await page.getByText('100 of 1,000 shown.').waitFor();
    expect(await rows.count()).toBe(100);
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(() => rows.count()).toBe(1000);
    await page.evaluate(inPage.countTouchedRows);
    busy = 500;
    await stage.play(3);
    await row(page, '/run/rt500.sock').filter({ hasText: '0 of 1' }).waitFor();
    expect(await page.locator('body').getAttribute('data-touched')).toBe('1');
    await page.getByLabel('Find').fill('rt77');
    await expect.poll(() => rows.count()).toBe(11);
  });
});
