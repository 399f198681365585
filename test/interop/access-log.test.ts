// nginx and logrotate beside our access log: the same request gives the same line, and a rotation
// loses none.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { COMBINED } from '../../src/config/log-format.ts';
import { createAccessLog } from '../../src/http/access-log/access-log.ts';
import { launch } from '../peers/launch.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { itWith, programPath } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

/** All that is the same for both: not the times and not the length of the answer. */
const FORMAT = [
  COMBINED.replace(' [$time_local]', '').replace('$body_bytes_sent ', ''),
  '|$remote_addr|$remote_user|$request_method|$request_uri|$uri|$document_uri|$args|$query_string|$is_args|$host|$scheme',
  '|$server_protocol|$https|$content_type|$content_length|$http_x_none|$http_x_other|$http_cookie|$cookie_sid|$cookie_none|$arg_a|$arg_none',
  '|$sent_http_content_type|$sent_http_x_none|$upstream_addr|$upstream_status|$upstream_response_time',
].join('');

const REQUESTS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a.example\r\n',
  'GET /a%20b//c?a=1&b=%22&a=2 HTTP/1.1\r\nHost: A.example:81\r\nReferer: http://x/"y"\r\nUser-Agent: curl\\8 "q" \xe9\xff\x7e\r\n',
  'GET /%22%5c%e9 HTTP/1.1\r\nHost: a\r\nCookie: a=b; sid=s"t\r\nX-Other: 1\r\n',
  `GET /? HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${Buffer.from('ann"\xe9:secret').toString('base64')}\r\n`,
  'GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer abc\r\nReferer: \r\nContent-Type: text/plain\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n',
  'GET /old HTTP/1.0\r\nHost: b\r\n',
];

itWith('nginx')('a line of the access log is what nginx writes of the same request, escapes included', async () => {
  const directory = tempDir();
  const socket = join(directory, 'n.sock');
  const log = join(directory, 'log');
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr; events {}
    http {
      default_type text/plain; ${temp.join(' ')} log_format ours '${FORMAT}'; access_log ${log} ours;
      server { listen unix:${socket}; location / { return 200 "fine"; } }
    }`,
  );
  await launch(programPath('nginx'), ['-c', join(directory, 'nginx.conf'), '-e', 'stderr'], { socket });
  const worker = await fakeWorker(answering('fine'));
  const proxy = await startProxy(['--upstream', worker.path]);
  const lines: string[] = [];
  const write = createAccessLog(FORMAT, new FakeClock(), (line) => void lines.push(line.trimEnd()));
  for (const [number, head] of REQUESTS.entries()) {
    for (const where of [socket, proxy.path]) {
      const client = testClient(where);
      client.write(Buffer.from(`${head}Connection: close\r\n\r\n${head.startsWith('POST') ? 'abc' : ''}`, 'latin1'));
      await client.closed;
    }
    write(await proxy.accessLine(number + 1));
  }
  // Behind the last bar but one: which upstream, and nginx had none.
  const comparable = (line: string): string => line.split('|').slice(0, -3).join('|');
  const theirs = readFileSync(log, 'latin1').trimEnd().split('\n');
  expect(lines.map(comparable)).toEqual(theirs.map(comparable));
  expect(lines).toHaveLength(REQUESTS.length);
  expect(theirs.every((line) => line.endsWith('|-|-|-'))).toBe(true);
});

itWith('logrotate')('the example for logrotate moves the log away, and no line is lost or in the wrong file', async () => {
  const directory = tempDir();
  const log = join(directory, 'access.log');
  const worker = await fakeWorker(answering('fine'));
  const path = join(directory, 'http.sock');
  const format = ['--access-log', log, '--access-log-format', '$request_uri'];
  const cli = startCli(['--upstream', worker.path, '--listen', path, '--admin', 'off', ...format]);
  await cli.says('listening on');
  await ask(path, { path: '/1' });
  await eventually(() => expect(readFileSync(log, 'utf8')).toBe('/1\n'));
  const example = readFileSync(join(import.meta.dirname, '../../config/logrotate.conf'), 'utf8');
  const conf = join(directory, 'logrotate.conf');
  const here = example
    .replace('/var/log/fcgi-lb/access.log', log)
    .replace(/create .*/, 'create 0640')
    .replace('systemctl kill --kill-whom=main --signal=USR1 fcgi-lb.service', `kill -USR1 ${cli.pid}`);
  expect(here).toContain(`kill -USR1 ${cli.pid}`);
  writeFileSync(conf, here);
  chmodSync(conf, 0o644);
  chmodSync(directory, 0o700);
  execFileSync(programPath('logrotate'), ['--force', '--state', join(directory, 'state'), conf], { stdio: 'pipe' });
  let count = 1;
  await eventually(async () => {
    count += 1;
    await ask(path, { path: `/${count}` });
    expect(readFileSync(log, 'utf8')).not.toBe('');
  });
  cli.kill('SIGTERM');
  expect((await cli.ended).code).toBe(0);
  const old = `${log}.1`;
  expect(existsSync(old)).toBe(true);
  const expected = Array.from({ length: count }, (_, i) => `/${i + 1}\n`).join('');
  expect(readFileSync(old, 'utf8') + readFileSync(log, 'utf8')).toBe(expected);
});
