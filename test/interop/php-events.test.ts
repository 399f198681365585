// Clients that leave endless scripts of a real php-fpm: the scripts stop, and its children serve
// others.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { itWith } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startPhpSite } from './php-site.ts';

const itPhp = itWith('php-fpm');

describe('clients that leave their events', () => {
  itPhp('free every child of a full pool, although their scripts would go on for ten minutes', async () => {
    const site = await startPhpSite({ children: 3, words: ['--max-conns', '3', '--queue-timeout', '5s'] });
    const log = join(tempDir(), 'events.log');
    const clients = [1, 2, 3].map(() => {
      const client = testClient(site.path);
      client.write(`GET /events.php?log=${log} HTTP/1.1\r\nHost: h\r\n\r\n`);
      return client;
    });
    await Promise.all(clients.map((client) => client.until((text) => text.includes('data: 1'))));
    for (const { socket } of clients) socket.destroy();
    const answer = await ask(site.path, { path: '/status.php?by=code&code=207' });
    expect(answer.status).toBe(207);
    const [upstream] = [...site.program.pool.upstreams];
    await eventually(() => expect(upstream?.inFlight).toBe(0));
    const notes = (): readonly string[] => readFileSync(log, 'latin1').trim().split('\n').sort();
    await eventually(() => expect(notes()).toEqual(['begun', 'begun', 'begun', 'ended', 'ended', 'ended']));
  });
});
