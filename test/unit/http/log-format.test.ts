// Formats of the access log with nginx's variables: what each writes, and how strangers' text is
// escaped.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkLogFormat, logVariables } from '../../../src/config/log-format.ts';
import { createAccessLog } from '../../../src/http/access-log/access-log.ts';
import type { AccessRecord, Attempt } from '../../../src/http/access-log/record.ts';
import { HeaderReader } from '../../../src/http/request/headers.ts';
import { parseTarget } from '../../../src/http/request/target.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { anyText, byteString } from '../../support/fuzz/arbitraries.ts';

const FIRST: Attempt = { upstream: '/run/rt1.sock', status: 502, connect: 1.2, head: undefined, response: 3 };
const LAST: Attempt = { upstream: '/run/rt2.sock', status: 200, connect: 0.4, head: 1234.5, response: 1500 };
const RAW_HEADERS = [
  'Host',
  'rt.example:8080',
  'Referer',
  'http://a/',
  'User-Agent',
  'w"k\\',
  'X-A',
  '1',
  'x-a',
  '2',
  'Cookie',
  'sid=s',
];

interface Known {
  readonly path?: string;
  readonly rawHeaders?: readonly string[];
  readonly tried?: readonly Attempt[];
}

function entryOf({ path = '/a%20b?x=1&y=2', rawHeaders = RAW_HEADERS, tried = [FIRST, LAST] }: Known = {}): AccessRecord {
  const request = new IncomingMessage(new Socket());
  onTestFinished(() => void request.socket.destroy());
  request.httpVersion = '1.1';
  request.rawHeaders = [...rawHeaders];
  const response = new ServerResponse(request);
  response.writeHead(200, ['Content-Type', 'text/html', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Content-Type', 'no']);
  const addresses = { remotePort: '5555', serverAddr: '127.0.0.1', serverPort: '8080' };
  return {
    client: '192.0.2.7',
    method: 'GET',
    path,
    status: 200,
    bytes: 1234,
    upstream: '/run/rt2.sock',
    attempts: 2,
    queue: 50,
    connect: 0.4,
    head: 1234.5,
    total: 1600.25,
    error: undefined,
    requestId: 'abc',
    pool: 'rt',
    followed: { request, peer: request.socket, addresses, tried: () => tried },
    response,
    read: { target: parseTarget(path), headers: new HeaderReader().read(rawHeaders) },
  };
}

/** What was no request: the bytes of a stranger. */
const REFUSED: AccessRecord = {
  client: '192.0.2.7',
  method: '-',
  path: '-',
  status: 400,
  bytes: 16,
  upstream: undefined,
  attempts: 0,
  queue: undefined,
  connect: undefined,
  head: undefined,
  total: 0,
  error: 'FCGI_LB_REQUEST_BAD_SYNTAX',
};

function written(format: string, entry: AccessRecord): string {
  const clock = new FakeClock();
  clock.advance(Date.UTC(2026, 0, 2, 3, 4, 5, 6) - clock.now());
  const lines: string[] = [];
  createAccessLog(checkLogFormat(format), clock, (line) => void lines.push(line))(entry);
  expect(lines).toHaveLength(1);
  return (lines[0] ?? '').replace(/\n$/, '');
}

/** What each variable says of the entry above, and of what was no request. */
const VALUES: Readonly<Record<string, readonly [full: string | RegExp, refused: string | RegExp]>> = {
  args: ['x=1&y=2', '-'],
  body_bytes_sent: ['1234', '16'],
  bytes_sent: ['0', '-'],
  content_length: ['-', '-'],
  content_type: ['-', '-'],
  document_uri: ['/a b', '-'],
  error_code: ['-', 'FCGI_LB_REQUEST_BAD_SYNTAX'],
  host: ['rt.example', '-'],
  https: ['', '-'],
  is_args: ['?', '-'],
  msec: ['1767323045.006', '1767323045.006'],
  pool: ['rt', '-'],
  query_string: ['x=1&y=2', '-'],
  queue_time: ['0.050', '-'],
  remote_addr: ['192.0.2.7', '192.0.2.7'],
  remote_port: ['5555', '-'],
  remote_user: ['-', '-'],
  request: ['GET /a%20b?x=1&y=2 HTTP/1.1', '-'],
  request_id: ['abc', '-'],
  request_method: ['GET', '-'],
  request_time: ['1.600', '0.000'],
  request_uri: ['/a%20b?x=1&y=2', '-'],
  scheme: ['http', '-'],
  server_addr: ['127.0.0.1', '-'],
  server_name: ['rt.example', '-'],
  server_port: ['8080', '-'],
  server_protocol: ['HTTP/1.1', '-'],
  status: ['200', '400'],
  time_iso8601: [/^2026-01-0\dT\d\d:\d\d:05[+-]\d\d:\d\d$/, /^2026/],
  time_local: [/^0\d\/Jan\/2026:\d\d:\d\d:05 [+-]\d{4}$/, /Jan/],
  upstream_addr: ['/run/rt1.sock, /run/rt2.sock', '-'],
  upstream_attempts: ['2', '0'],
  upstream_connect_time: ['0.001, 0.000', '-'],
  upstream_header_time: ['-, 1.235', '-'],
  upstream_response_time: ['0.003, 1.500', '-'],
  upstream_status: ['502, 200', '-'],
  uri: ['/a b', '-'],
};

describe('a variable of the access log', () => {
  it('is one of those that are tested here', () => {
    expect(Object.keys(VALUES).sort()).toEqual([...logVariables()].sort());
  });

  it.each(Object.entries(VALUES))('$%s says what it means, and a dash for what is not known', (name, [full, refused]) => {
    for (const [entry, expected] of [
      [entryOf(), full],
      [REFUSED, refused],
    ] as const) {
      const line = written(`<\${${name}}>`, entry).slice(1, -1);
      if (typeof expected === 'string') expect(line).toBe(expected);
      else expect(line).toMatch(expected);
    }
  });

  it('is a header of the request or of the answer, a cookie, or a part of the query', () => {
    const line = written(
      '$http_referer|$http_x_a|$http_none|$sent_http_content_type|$sent_http_set_cookie|$cookie_sid|$arg_y',
      entryOf(),
    );
    expect(line).toBe('http://a/|1, 2|-|text/html|a=1, b=2|s|2');
    expect(written('$http_a$sent_http_a$cookie_a$arg_a', REFUSED)).toBe('----');
  });

  it('takes the name of the user from Basic credentials and never the rest of them', () => {
    const user = (value: string): string =>
      written('$remote_user', entryOf({ rawHeaders: ['Host', 'a', 'Authorization', value] }));
    expect(user(`Basic ${Buffer.from('ann:secret:x').toString('base64')}`)).toBe('ann');
    expect(user(`basic ${Buffer.from('a"n:s').toString('base64')}`)).toBe('a\\x22n');
    for (const none of ['Bearer c2VjcmV0', `Basic ${Buffer.from('secret').toString('base64')}`, 'Basic', 'Basic ???'])
      expect(user(none)).toBe('-');
  });

  it('of one upstream stands alone, and without any there is a dash', () => {
    const format = '$upstream_addr $upstream_status $upstream_header_time';
    expect(written(format, entryOf({ tried: [LAST] }))).toBe('/run/rt2.sock 200 1.235');
    expect(written(format, entryOf({ tried: [] }))).toBe('- - -');
    expect(written(format, entryOf({ tried: [{ ...FIRST, status: undefined }] }))).toBe('/run/rt1.sock - -');
  });
});

describe('the format combined', () => {
  it('is that of nginx and Apache', () => {
    expect(written('combined', entryOf())).toMatch(
      /^192\.0\.2\.7 - - \[0\d\/Jan\/2026:\d\d:\d\d:05 [+-]\d{4}\] "GET \/a%20b\?x=1&y=2 HTTP\/1\.1" 200 1234 "http:\/\/a\/" "w\\x22k\\x5C"$/,
    );
    expect(written('combined', REFUSED)).toMatch(/ "-" 400 16 "-" "-"$/);
  });

  it('is one line of plain ASCII with six quotes, whatever clients send', () => {
    fc.assert(
      fc.property(fc.oneof(byteString(40), anyText(40)), (text) => {
        const entry = entryOf({ rawHeaders: ['Host', 'a', 'Referer', text, 'User-Agent', text] });
        const line = written('combined', { ...entry, path: text });
        expect(line).toMatch(/^[ -~]+$/);
        expect(line.split('"')).toHaveLength(7);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a value from a stranger', () => {
  it('is escaped as nginx does: quotes, backslashes, controls and all that is not ASCII, byte by byte', () => {
    const line = written('$request_uri', { ...entryOf(), path: '/"\\\n\x7f\xe9\u20ac!~' });
    expect(line).toBe('/\\x22\\x5C\\x0A\\x7F\\xE9\\xE2\\x82\\xAC!~');
  });
});

describe('a format', () => {
  it.each([
    ['combned', "'combned' is not a format of the access log; did you mean 'combined'?"],
    ['xml', "'xml' is not a format of the access log; expected json, pretty, combined, or text with variables"],
    ['$remote_adr', "there is no variable $remote_adr in the access log; did you mean '$remote_addr'?"],
    ['$upstream_adr', "did you mean '$upstream_addr'?"],
    ['$nonsense', 'expected one of $time_local,'],
    ['$status $', "no variable follows the '$'"],
    ['$document_root', '$document_root depends on the route'],
    ['$1', 'there is no variable $1'],
    ['$http_', 'there is no variable $http_'],
    ['$status\n$uri', 'one line without control characters'],
  ])('that cannot be is refused: %j', (format, message) => {
    expect(() => checkLogFormat(format)).toThrow(message);
  });

  it.each(['json', 'pretty', 'combined', '$status', '${status}x $$ $sent_http_x_a'])(
    'that can be is taken as it is: %j',
    (format) => {
      expect(checkLogFormat(format)).toBe(format);
    },
  );
});
