// What is secret in the configuration is told nowhere: not by /status, /metrics or the log,
// whatever goes wrong.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { reloadable } from '../support/program/reloadable.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const SECRETS = {
  sticky: 'st1cky-c0rrect-h0rse-battery-staple-0123456789',
  url: 'http://127.0.0.1:1/h00k-path-that-is-a-key',
  authorization: 'Bearer auth0rization-of-the-webhook',
  token: '123456:AAt0ken-of-a-bot-that-nobody-may-see',
  param: 'db-passw0rd-in-a-parameter',
} as const;
/** As they may be quoted: the whole, or what is left when a part is cut off. */
const NEEDLES = ['c0rrect-h0rse', 'h00k-path', 'auth0rization', 'AAt0ken', 'db-passw0rd'];

it('is told nowhere, not even when targets cannot be reached, requests fail and a reload is refused', async () => {
  const directory = tempDir();
  const admin = join(directory, 'admin.sock');
  for (const [name, text] of Object.entries(SECRETS)) {
    writeFileSync(join(directory, name), `${text}\n`);
    chmodSync(join(directory, name), 0o600);
  }
  const worker = await fakeWorker(answering('fine'));
  const yaml = (more = ''): string => `
pools:
  rt:
    upstreams: [${worker.path}]
    balance: sticky:id
    sticky_secret_file: ${directory}/sticky
    health: { probe: values, interval: 50ms, timeout: 1s, rise: 1, fall: 1, wake: true }
routes: [{ pool: rt, params: { DB_PASSWORD: ${SECRETS.param} } }]
alerts:
  after: 20ms
  group: 20ms
  targets:
    hook: { to: webhook, url_file: ${directory}/url, authorization_file: ${directory}/authorization }
    bot: { to: telegram, token_file: ${directory}/token, chat: '1', api: 'http://127.0.0.1:1' }
${more}`;
  const { proxy, tryReload } = await reloadable(yaml(), ['--admin', admin]);
  expect((await ask(proxy.path)).status).toBe(200);
  await worker.close();
  // Both targets are told, and neither listens.
  await eventually(() => {
    const complaints = proxy.log.filter(({ fields }) => 'target' in fields);
    expect(new Set(complaints.map(({ fields }) => fields['target'])).size).toBe(2);
  });
  // Files that hold something else than they should.
  writeFileSync(join(directory, 'token'), `${SECRETS.token} with more\n`);
  writeFileSync(join(directory, 'url'), `x${SECRETS.url}\n`);
  writeFileSync(join(directory, 'sticky'), `${SECRETS.sticky.slice(8, 20)}\n`);
  expect((await tryReload(yaml('nonsense: 1'))).result).toBe('bad');

  const documents = await Promise.all(
    ['/status', '/metrics', '/readyz'].map(async (path) => (await ask(admin, { path })).body.toString()),
  );
  expect(documents[0]).toContain('nonsense');
  const told = [...documents, JSON.stringify(proxy.log), JSON.stringify(proxy.access)].join('\n');
  for (const needle of NEEDLES) expect(told).not.toContain(needle);
});
