// Alerts of the program as a process of its own: secrets, certificates, an upgrade, and what
// `check` says.

import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { selfSigned } from '../peers/certificate.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually, settled } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { alertReceiver } from '../support/servers/alert-receiver.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { bodyOf, httpUpstream } from '../support/servers/http-server.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const TOKEN = '123456:a-token-that-nobody-may-see';
const PASSWORD = 'Bearer a-password-that-nobody-may-see';
const HIDDEN_PATH = 'a-path-that-nobody-may-see';
const PROBE = 'health: { probe: values, interval: 20ms, timeout: 5s, rise: 1, fall: 1, wake: true }';

/** Two workers, and the program in front of them with these alerts. */
async function running(alerts: string, env: Readonly<Record<string, string>> = {}) {
  const directory = tempDir();
  const [http, admin, file] = ['http.sock', 'admin.sock', 'f.yaml'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const paths = ['sick.sock', 'well.sock'].map((name) => join(directory, name)) as [string, string];
  for (const [name, text] of [
    ['token', TOKEN],
    ['authorization', PASSWORD],
  ] as const) {
    writeFileSync(join(directory, name), `${text}\n`, { mode: 0o600 });
  }
  const sick = await fakeWorker(answering('sick'), { path: paths[0] });
  await fakeWorker(answering('well'), { path: paths[1] });
  const write = (text: string): void =>
    writeFileSync(
      file,
      `listen: ${http}\nadmin: ${admin}\nlog_level: debug\nlog_format: json\npools: { rt: { upstreams: [${paths.join(', ')}], ${PROBE} } }\nalerts: ${text.replaceAll('DIR', directory)}\n`,
    );
  write(alerts);
  const cli = startCli(['--config', file], env);
  await cli.says('listening on');
  return { cli, http, admin, file, directory, sick, write };
}

async function stop(cli: CliProcess): Promise<void> {
  cli.kill('SIGTERM');
  expect((await cli.ended).code).toBe(0);
}

describe('a secret', () => {
  it('is in no log, no status and no alert, whatever a target says, and however it fails', async () => {
    // A server that repeats all it was told.
    const { address, seen } = await httpUpstream(async (request, response) => {
      const { url, headers } = request;
      await bodyOf(request);
      const words = `${url} ${headers.authorization}`;
      const parts = words.split(/[/?=: ]/).filter(({ length }) => length > 5);
      const said = JSON.stringify({ ok: false, description: `${words} ${parts.join(' ')}` });
      response.writeHead(seen.length % 2 === 0 ? 503 : 404).end(said);
    });
    const receiver = await alertReceiver();
    const { cli, http, admin, sick, file, write } = await running(`
  after: 100ms
  group: 0
  targets:
    good: { to: webhook, url: '${receiver.url}' }
    hook: { to: webhook, url: '${address}/${HIDDEN_PATH}?key=${HIDDEN_PATH}', authorization_file: DIR/authorization }
    nobody: { to: webhook, url: 'http://127.0.0.1:1/${HIDDEN_PATH}', authorization_file: DIR/authorization }
    phone: { to: telegram, token_file: DIR/token, chat: 1, api: '${address}' }
    deaf: { to: telegram, token_file: DIR/token, chat: 1, api: 'http://127.0.0.1:1' }
`);
    await sick.close();
    await receiver.until(1);
    expect((await ask(http)).status).toBe(200);
    await eventually(() => expect(seen.length).toBeGreaterThan(2));
    for (const target of ['hook', 'nobody', 'phone', 'deaf']) await cli.says(`"target":"${target}"`);
    const status = (await ask(admin, { path: '/status' })).body.toString();
    expect(status).toContain('"recent"');
    // A file with mistakes just where the secrets are.
    write(`{ targets: { hook: { to: telegram, token_file: '${TOKEN}', chat: '${TOKEN}' } } }`);
    const check = startCli(['check', '--config', file]);
    expect((await check.ended).code).toBe(1);
    cli.kill('SIGHUP');
    await cli.says('nothing was reloaded');
    await receiver.until(2);
    await stop(cli);
    const all = [cli.stderr(), cli.stdout(), status, check.stderr(), JSON.stringify(receiver.documents)];
    for (const text of all) {
      expect(text.length).toBeGreaterThan(0);
      for (const secret of [TOKEN, PASSWORD, HIDDEN_PATH, 'that-nobody-may-see']) expect(text).not.toContain(secret);
    }
    expect(cli.stderr()).toContain('[secret]');
  });

  it('in a file that everybody can read stops the start, and `check` says so', async () => {
    const directory = tempDir();
    const [file, token] = [join(directory, 'f.yaml'), join(directory, 'token')];
    writeFileSync(token, TOKEN);
    // Whatever the umask is.
    chmodSync(token, 0o644);
    writeFileSync(
      file,
      `pools: { rt: { upstreams: [/run/a] } }\nalerts: { targets: { a: { to: telegram, chat: 1, token_file: ${token} } } }\n`,
    );
    const expected = `${file}:2:62: alerts.targets.a.token_file: every user of this machine can read or change the file: 'chmod o=' helps\n`;
    for (const words of [
      ['check', '--config', file],
      ['--config', file],
    ]) {
      const cli = startCli(words);
      await cli.ended;
      expect(cli.stderr()).toContain(expected);
    }
    chmodSync(token, 0o640);
    const cli = startCli(['check', '--config', file]);
    expect((await cli.ended).code).toBe(0);
  });
});

itWith('openssl')('a webhook is spoken to over TLS when its certificate can be verified', async () => {
  const { key, cert, path } = selfSigned('IP:127.0.0.1');
  const bodies: string[] = [];
  const server = createServer({ key, cert }, async (request, response) => {
    bodies.push((await bodyOf(request)).toString());
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const bound = server.address();
  const url = `https://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}/`;
  const { cli, sick } = await running(`{ after: 100ms, group: 0, targets: { a: { to: webhook, url: '${url}' } } }`, {
    NODE_EXTRA_CA_CERTS: path,
  });
  await sick.close();
  await cli.says('alert delivered');
  expect(bodies).toHaveLength(1);
  await stop(cli);
});

it('an upgrade tells nothing twice, and the successor tells when it is over', async () => {
  const receiver = await alertReceiver();
  const alerts = `{ after: 200ms, quiet: 10s, group: 0, targets: { a: { to: webhook, url: '${receiver.url}' } } }`;
  const { cli, sick } = await running(alerts);
  await sick.close();
  await receiver.until(1);
  cli.kill('SIGUSR2');
  await cli.says('"msg":"took over');
  // The successor finds it down, too.
  await eventually(() => expect([...cli.stderr().matchAll(/"msg":"upstream is down"/g)]).toHaveLength(2));
  await settled(() => receiver.documents.length);
  expect(receiver.story()).toEqual([[`upstream bad down rt ${sick.path}`]]);
  await fakeWorker(answering('sick'), { path: sick.path });
  await receiver.until(2);
  expect(receiver.story()[1]).toEqual([`upstream good up rt ${sick.path}`]);
  const successor = Number(/"successor":(\d+),"msg":"process/.exec(cli.stderr())?.[1]);
  process.kill(successor, 'SIGTERM');
  await cli.ended;
});

describe('fcgi-lb alert-test', () => {
  const alertTest = async (admin: string) => {
    const command = startCli(['alert-test', '--admin', admin]);
    const { code } = await command.ended;
    return { code, out: command.stdout(), err: command.stderr() };
  };

  it('sends one message to each target, and says what each said', async () => {
    const receiver = await alertReceiver();
    const api = await alertReceiver((response) => void response.writeHead(401).end(`{"ok":false,"description":"no ${TOKEN}"}`));
    const { admin, cli, write } = await running(`
  targets:
    hook: { to: webhook, url: '${receiver.url}', only: [pool] }
    phone: { to: telegram, token_file: DIR/token, chat: 1, api: '${api.url}' }
    script: { to: command, command: [sh, -c, 'echo "$FCGI_LB_ALERT_IS: \\033[31m"'] }
`);
    expect(await alertTest(admin)).toEqual({
      code: 1,
      out: 'hook: delivered: answered 204\nphone: NOT delivered: answered 401: no [secret]\nscript: delivered: exit code 0: test: \\x1b[31m\n',
      err: '',
    });
    expect(receiver.documents).toMatchObject([{ is: 'test', alerts: [], text: expect.stringContaining('this is a test') }]);
    expect(api.documents).toHaveLength(1);
    write(`{ targets: { hook: { to: webhook, url: '${receiver.url}' } } }`);
    cli.kill('SIGHUP');
    await cli.says('"msg":"reloaded"');
    expect(await alertTest(admin)).toMatchObject({ code: 0, out: 'hook: delivered: answered 204\n' });
    await stop(cli);
  });

  it('says when there is nobody to tell', async () => {
    const { admin } = await running('{ targets: {} }');
    expect(await alertTest(admin)).toEqual({
      code: 1,
      out: '',
      err: "fcgi-lb: the configuration names nobody to tell ('alerts: targets:')\n",
    });
  });
});
