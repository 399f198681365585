// Changes over TCP: with the token of a file and not without, from the listener's own page, logged,
// and the token itself nowhere.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const TOKEN = 'zqx7-the-right-token-of-this-test';
const OTHER = 'kwv9-the-next-token-of-this-test!';
const WRONG = 'jhb3-a-wrong-token-of-this-test..';
const STICKY = 'ymd5-the-sticky-secret-of-this-test';

beforeAll(buildIfMissing);

/** The program as a process of its own, with a token, and everything that it says. */
async function running({ token = true }: { readonly token?: boolean } = {}) {
  const directory = tempDir();
  const worker = await fakeWorker(answering('fine'), { path: join(directory, 'rt1.sock') });
  const [http, unix, tokenFile, config] = ['http.sock', 'admin.sock', 'token', 'f.yaml'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  writeFileSync(join(directory, 'sticky'), `${STICKY}\n`, { mode: 0o600 });
  writeFileSync(
    config,
    `listen: ${http}
admin: ["127.0.0.1:0", ${unix}]
${token ? 'admin_token_file: token' : ''}
pools: { rt: { upstreams: [${worker.path}], max_conns: 1, balance: "sticky:route", sticky_secret_file: sticky } }
`,
  );
  const cli = startCli(['--config', config, '--log-format', 'json', '--log-level', 'debug']);
  await cli.says('listening on');
  const line = logged(cli.stderr()).find(({ msg }) => String(msg).startsWith('listening'));
  const address = ((line?.['admin'] ?? []) as string[]).find((each) => each.startsWith('127.0.0.1')) ?? '';
  const port = Number(address.split(':')[1]);
  /** Every answer, for the search for secrets. */
  const said: string[] = [];
  const post = async (path: string, headers: Record<string, string> = {}, body?: string) => {
    const answer = await ask(
      { port },
      { method: 'POST', path, headers: { Host: address, ...headers }, ...(body ? { body } : {}) },
    );
    said.push(JSON.stringify(answer.headers) + answer.body.toString());
    return {
      status: answer.status,
      headers: answer.headers,
      body: JSON.parse(answer.body.toString()) as Record<string, unknown>,
    };
  };
  const command = async (...words: readonly string[]) => {
    const run = startCli(words);
    const { code } = await run.ended;
    said.push(run.stdout() + run.stderr());
    return { code, out: run.stdout(), err: run.stderr() };
  };
  const verb = (name: string): string => `/pools/rt/upstreams/rt1.sock/${name}`;
  const state = async (): Promise<unknown> => {
    const { body } = await ask(unix, { path: '/status' });
    said.push(body.toString());
    return (JSON.parse(body.toString()) as { pools: { upstreams: { state: { is: string } }[] }[] }).pools[0]?.upstreams[0]?.state
      .is;
  };
  return { cli, directory, worker, http, unix, tokenFile, config, address, post, command, verb, state, said };
}

/** The whole lines of a log that may still be written to. */
function logged(text: string): readonly Record<string, unknown>[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

describe('over TCP', () => {
  it('what changes something is done with the token, and logged with the client and what it calls itself', async () => {
    const { cli, post, verb, state, address, worker } = await running();
    expect(await post(verb('drain'), { ...bearer(TOKEN), 'User-Agent': 'a test' })).toMatchObject({ status: 200 });
    expect(await state()).toBe('draining');
    await cli.says('"msg":"drain"');
    expect(logged(cli.stderr()).find(({ msg }) => msg === 'drain')).toMatchObject({
      by: `admin ${address}`,
      client: expect.stringMatching(/^127\.0\.0\.1 port \d+$/),
      agent: 'a test',
      pool: 'rt',
      upstream: worker.path,
    });
    expect((await post(verb('enable'), bearer(TOKEN))).status).toBe(200);
    expect(await state()).toBe('up');
    expect((await post('/reload', bearer(TOKEN))).body).toMatchObject({ result: 'good', generation: 2 });
    await cli.says('"msg":"reloading"');
    expect(logged(cli.stderr()).find(({ msg }) => msg === 'reloading')?.['by']).toMatch(
      /^admin 127.* \(127\.0\.0\.1 port \d+\)$/,
    );
  });

  it('without it, or with another, the answer is 401 and says no more, and nothing has changed', async () => {
    const { cli, post, verb, state } = await running();
    const tries = [
      {},
      bearer(WRONG),
      bearer(`${TOKEN}x`),
      bearer(TOKEN.slice(1)),
      { Authorization: TOKEN },
      { Authorization: `Basic ${TOKEN}` },
    ];
    for (const headers of tries) {
      for (const path of [verb('drain'), verb('weight'), '/reload', '/nothing']) {
        const { status, headers: got, body } = await post(path, headers);
        expect([status, got['www-authenticate'], body]).toEqual([401, 'Bearer', { error: 'not authorized' }]);
      }
    }
    expect(await state()).toBe('up');
    // The log is whole once the program has ended.
    cli.kill('SIGTERM');
    await cli.ended;
    const refused = logged(cli.stderr()).filter(({ msg }) => msg === 'refused at the admin listener');
    // 24 attempts: ten lines, and a number when the minute is over.
    expect(refused.length).toBe(10);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['no token', 'wrong token']));
    expect(refused[0]).toMatchObject({ level: 'warn', method: 'POST', path: verb('drain'), client: expect.any(String) });
    expect(cli.stderr()).toContain('14 more requests were refused');
  });

  it('nothing is changed while no token is configured, whatever is sent', async () => {
    const { post, verb, state } = await running({ token: false });
    for (const headers of [{}, bearer(TOKEN), bearer('undefined'), bearer('')])
      expect((await post(verb('drain'), headers)).status).toBe(403);
    expect(await state()).toBe('up');
  });

  it('the page of the listener may with the token, pages of others may not', async () => {
    const { post, verb, address, state } = await running();
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', `https://${address}`, 'null'])
      expect((await post(verb('drain'), { ...bearer(TOKEN), Origin: origin })).status).toBe(403);
    expect((await post(verb('drain'), { Origin: `http://${address}` })).status).toBe(401);
    expect(await state()).toBe('up');
    expect((await post(verb('drain'), { ...bearer(TOKEN), Origin: `http://${address}` })).status).toBe(200);
    expect(await state()).toBe('draining');
  });

  it('a weight is a whole number of at least 1, in a small JSON body', async () => {
    const { post, verb } = await running();
    const json = { ...bearer(TOKEN), 'Content-Type': 'application/json' };
    expect(await post(verb('weight'), json, '{"weight": 5}')).toMatchObject({ status: 200, body: { pool: 'rt' } });
    for (const [body, message] of [
      ['{"weight": 0}', "'0' is not a whole number of at least 1"],
      ['{"weight": 1.5}', "'1.5' is not a whole number"],
      ['{"weight": -1}', "'-1' is not a whole number"],
      ['{"weight": 1e12}', "'1000000000000' is not a whole number"],
      ['{"weight": "5"}', 'expected a body such as {"weight": 2}'],
      ['{}', 'expected a body such as'],
      ['[5]', 'expected a body such as'],
      ['null', 'expected a body such as'],
    ] as const) {
      const answer = await post(verb('weight'), json, body);
      expect([body, answer.status, answer.body['error']]).toEqual([body, 400, expect.stringContaining(message)]);
    }
    expect((await post(verb('weight'), json, '{"weight":')).status).toBe(400);
    expect((await post(verb('weight'), json, `{"weight": 1, "x": "${'y'.repeat(5000)}"}`)).status).toBe(413);
    expect((await post(verb('weight'), { ...bearer(TOKEN), 'Content-Type': 'text/plain' }, '{"weight": 5}')).status).toBe(400);
    expect((await post(verb('weight'), bearer(TOKEN))).status).toBe(400);
  });
});

describe('a reload', () => {
  it('reads the token again: from then on the new one is right and the old one is not', async () => {
    const { post, tokenFile, verb, command, unix } = await running();
    writeFileSync(tokenFile, OTHER);
    expect((await post(verb('drain'), bearer(OTHER))).status).toBe(401);
    expect((await command('reload', '--admin', unix)).code).toBe(0);
    expect((await post(verb('drain'), bearer(TOKEN))).status).toBe(401);
    expect((await post(verb('drain'), bearer(OTHER))).status).toBe(200);
  });

  it('with a token file that all users may read is refused, and the token of before is still right', async () => {
    const { post, tokenFile, verb, command, unix } = await running();
    chmodSync(tokenFile, 0o644);
    const { code, err } = await command('reload', '--admin', unix);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(`admin_token_file: '${tokenFile}' is open to all users (mode 0644)`),
    ]);
    expect((await post(verb('drain'), bearer(TOKEN))).status).toBe(200);
  });
});

describe('the commands', () => {
  it('change things over TCP with --token-file, and say with exit code 3 that they may not without', async () => {
    const { command, address, tokenFile, directory, state, unix, worker } = await running();
    const tcp = ['--admin', address];
    const wrong = join(directory, 'wrong');
    writeFileSync(wrong, WRONG, { mode: 0o600 });
    const verbs = [['drain', 'rt1.sock'], ['enable', 'rt1.sock'], ['weight', 'rt1.sock', '2'], ['reload']];
    const refused = async (words: readonly string[]): Promise<void> => {
      expect(await command(...words, ...tcp)).toEqual({
        code: 3,
        out: '',
        err: `fcgi-lb: ${address} wants a token; --token-file FILE names one\n`,
      });
      expect(await command(...words, ...tcp, '--token-file', wrong)).toMatchObject({
        code: 3,
        err: `fcgi-lb: ${address} does not take the token of --token-file\n`,
      });
    };
    await Promise.all(verbs.map(refused));
    expect(await state()).toBe('up');
    const right = [...tcp, '--token-file', tokenFile];
    expect(await command('disable', 'rt1.sock', ...right)).toMatchObject({
      code: 0,
      out: `${worker.path} in pool rt is disabled\n`,
    });
    expect(await state()).toBe('disabled');
    expect(await command('enable', 'rt1.sock', ...right)).toMatchObject({
      code: 0,
      out: `${worker.path} in pool rt is enabled\n`,
    });
    expect(await command('weight', 'rt1.sock', '4', ...right)).toMatchObject({
      code: 0,
      out: `${worker.path} in pool rt has weight 4\n`,
    });
    expect((await command('status', ...tcp)).code).toBe(0);
    expect((await command('disable', 'rt1.sock', '--admin', unix)).code).toBe(0);
    expect(await state()).toBe('disabled');
  }, 60_000);

  it('say what is wrong with their words', async () => {
    const { command, directory, unix } = await running();
    const open = join(directory, 'open');
    writeFileSync(open, TOKEN);
    chmodSync(open, 0o644);
    const on = ['--admin', unix];
    const said: [run: Promise<object>, expected: object][] = [];
    for (const [words, message] of [
      [['weight', 'rt1.sock', ...on], 'weight needs a weight, a whole number of at least 1; see fcgi-lb weight --help'],
      [
        ['weight', 'rt1.sock', '0', ...on],
        "weight: '0' is not a whole number of at least 1; for no requests there are drain and disable",
      ],
      [['enable', ...on], 'enable needs an upstream; see fcgi-lb enable --help'],
      [['disable', 'rt1.sock', 'rt2.sock', ...on], "unexpected word 'rt2.sock'"],
      [['disable', 'rt9.sock', ...on], `no upstream 'rt9.sock'; there are ${directory}/rt1.sock`],
      [
        ['reload', '--token-file', open, ...on],
        `option --token-file: '${open}' is open to all users (mode 0644): expected 0600 or 0640; chmod o= '${open}' helps`,
      ],
    ] as const) {
      said.push([command(...words), { code: 2, out: '', err: `fcgi-lb: ${message}\n` }]);
    }
    expect(await Promise.all(said.map(([run]) => run))).toEqual(said.map(([, expected]) => expected));
  }, 60_000);
});

describe('no secret, right or wrong,', () => {
  it('is in any log, answer, status or error, whatever is done with it', async () => {
    const { cli, post, verb, command, unix, http, address, tokenFile, directory, state, said, config } = await running();
    const visible = (token: string): string => token.slice(0, 8);
    await post(verb('drain'), bearer(TOKEN));
    await post(verb('undrain'), bearer(WRONG));
    await post(`${verb('undrain')}?token=${TOKEN}`, { Authorization: `Basic ${TOKEN}` });
    await post('/reload', { Authorization: `Bearer ${TOKEN} ${WRONG}` });
    await command('undrain', 'rt1.sock', '--admin', address, '--token-file', tokenFile);
    await command('disable', 'rt1.sock', '--admin', address, '--token-file', join(directory, 'sticky'));
    expect((await ask(http)).status).toBe(200);
    for (const path of ['/status', '/readyz', '/healthz', '/metrics', '/', `/${''}nothing`]) {
      said.push((await ask(unix, { path, headers: bearer(TOKEN) })).body.toString());
    }
    await command('status', '--json', '--admin', unix);
    await command('status', '--admin', unix);
    await command('check', '--config', config);
    chmodSync(tokenFile, 0o644);
    await command('reload', '--admin', unix);
    writeFileSync(tokenFile, `${OTHER} ${TOKEN}`);
    chmodSync(tokenFile, 0o600);
    writeFileSync(join(directory, 'sticky'), 'ymd5-short');
    await command('reload', '--admin', unix);
    await command('check', '--config', config);
    await command('reload', '--admin', address, '--token-file', tokenFile);
    await state();
    cli.kill('SIGTERM');
    await cli.ended;
    const everything = [cli.stdout(), cli.stderr(), ...said].join('\n');
    expect(everything).toContain('refused at the admin listener');
    expect(everything).toContain('nothing was reloaded');
    for (const secret of [TOKEN, OTHER, WRONG, STICKY]) expect(everything.includes(visible(secret)), visible(secret)).toBe(false);
    expect(readFileSync(tokenFile, 'utf8')).toContain(TOKEN);
  }, 60_000);
});
