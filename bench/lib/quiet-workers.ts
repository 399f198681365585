// A process with many unix sockets, each of them a worker that answers any record at once and
// closes, for benchmarks of the front end alone.

import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , folder, count] = process.argv;
if (folder === undefined || count === undefined) throw new Error('usage: quiet-workers FOLDER COUNT');

const GET_VALUES = 9;
const pair = `\x0e\x01FCGI_MAX_CONNS1`;
const values = Buffer.concat([Buffer.from([1, 10, 0, 0, 0, pair.length, 0, 0]), Buffer.from(pair, 'latin1')]);
const page = 'Status: 200\r\nContent-Type: text/plain\r\n\r\npong';
const answer = Buffer.concat([
  Buffer.from([1, 6, 0, 1, 0, page.length, 0, 0]),
  Buffer.from(page),
  Buffer.from([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
]);

const listening = Array.from({ length: Number(count) }, (_, number) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk: Buffer) => socket.end(chunk[1] === GET_VALUES ? values : answer));
  });
  return new Promise<void>((resolve) => server.listen({ path: join(folder, `w${number}.sock`), backlog: 16 }, resolve));
});
await Promise.all(listening);
process.stdout.write('listening\n');
