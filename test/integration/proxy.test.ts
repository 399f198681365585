// The main path: a request through the whole program to a worker and back.

import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

describe('a request to one worker', () => {
  it('reaches it and comes back', async () => {
    const worker = await fakeWorker(answering((path) => `you asked for ${path}`));
    const proxy = await startProxy(['--upstream', worker.path]);
    const answer = await ask(proxy.path, { path: '/ticket?id=1' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('you asked for /ticket?id=1');
    expect(await proxy.accessLine(1)).toMatchObject({ method: 'GET', path: '/ticket?id=1', status: 200, bytes: 26, attempts: 1 });
  });
});
