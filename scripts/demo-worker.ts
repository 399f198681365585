// One sample worker for the demo: a single process that serves one FastCGI request at a time on the
// socket named in its argument.

import { setTimeout as sleep } from 'node:timers/promises';
import { listenFastCgi } from '../test/peers/fastcgi-server.ts';

const [path = '', name = 'worker'] = process.argv.slice(2);

await listenFastCgi(
  path,
  async (reply) => {
    const { params } = reply.request;
    const uri = params.get('REQUEST_URI') ?? '/';
    // `/slow?ms=500` is busy for a while, so that waiting and balancing can be seen.
    const ms = Math.min(Number(/[?&]ms=(\d+)/.exec(uri)?.[1] ?? 0), 60_000);
    await sleep(ms);
    reply.stdout('Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n');
    reply.stdout(`${name} (pid ${process.pid}) answers ${params.get('REQUEST_METHOD')} ${uri}\n`);
    if (reply.request.body.length > 0) reply.stdout(`request body: ${reply.request.body.length} bytes\n`);
    if (uri.startsWith('/params')) for (const [key, value] of params) reply.stdout(`${key}=${value}\n`);
    reply.end();
  },
  { maxConns: 1, single: true },
);
// Gone with the demo, even when that is killed.
process.stdin.on('end', () => process.exit(0)).resume();
