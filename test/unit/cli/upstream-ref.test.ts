// How many requests a command makes of the running program, of this version and of an older one.

import { join } from 'node:path';
import { fastify } from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AdminClient, AdminError } from '../../../src/admin/client.ts';
import type { Status } from '../../../src/admin/status.ts';
import { drain } from '../../../src/cli/drain.ts';
import { requestAction } from '../../../src/cli/upstream-ref.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { ConfigError } from '../../../src/core/errors.ts';
import { document, pool, upstream } from '../../support/admin/status-documents.ts';
import { tempDir } from '../../support/temp-dir.ts';

const RT1 = upstream('/run/rt1.sock', 'draining', { in_flight: 3 });
const DOCUMENT: Status = document([pool('rt', [RT1, upstream('/run/rt2.sock')])]);

/** An admin listener that takes an upstream with its pool only, as of an older version, or alone. */
async function listener(version: 'older' | 'this', document: () => Status = () => DOCUMENT) {
  const path = join(tempDir(), 'admin.sock');
  const seen: string[] = [];
  const app = fastify();
  app.addHook('onRequest', (request, _reply, done) => {
    seen.push(`${request.method} ${request.url}`);
    done();
  });
  app.get('/status', async () => document());
  app.post('/pools/:pool/upstreams/:upstream/:verb', async () => ({ pool: 'rt', upstream: RT1 }));
  if (version === 'this') {
    app.post('/upstreams/:upstream/:verb', async (request, reply) => {
      const { upstream: name } = request.params as { readonly upstream: string };
      return name === 'rt9.sock'
        ? reply.code(404).send({ error: "no upstream 'rt9.sock'; there are some" })
        : reply.send({ pool: 'rt', upstream: RT1 });
    });
  }
  await app.listen({ path });
  onTestFinished(() => app.close());
  return { path, seen, client: new AdminClient([parseAddress(path)], 'a test') };
}

describe('a change of an upstream', () => {
  it('is one request, whose answer is what comes back', async () => {
    const { seen, client } = await listener('this');
    const changed = await requestAction(client, { verb: 'drain' }, '/run/rt1.sock', undefined);
    expect(changed).toMatchObject({ pool: 'rt', upstream: { name: '/run/rt1.sock', in_flight: 3 } });
    await requestAction(client, { verb: 'weight', weight: 2 }, 'rt1.sock', 'a b');
    expect(seen).toEqual(['POST /upstreams/%2Frun%2Frt1.sock/drain', 'POST /upstreams/rt1.sock/weight?pool=a%20b']);
  });

  it('of an unknown upstream fails with what the program says of it', async () => {
    const { seen, client } = await listener('this');
    const asked = requestAction(client, { verb: 'enable' }, 'rt9.sock', undefined);
    await expect(asked).rejects.toThrow(new ConfigError("no upstream 'rt9.sock'; there are some"));
    expect(seen.length).toBe(1);
  });

  it('names the pool to a program of an older version, which it looks up in the status', async () => {
    const { seen, client } = await listener('older');
    expect(await requestAction(client, { verb: 'drain' }, 'rt1.sock', undefined)).toMatchObject({ pool: 'rt' });
    expect(seen).toEqual(['POST /upstreams/rt1.sock/drain', 'GET /status', 'POST /pools/rt/upstreams/%2Frun%2Frt1.sock/drain']);
    const unknown = requestAction(client, { verb: 'drain' }, 'rt9.sock', undefined);
    await expect(unknown).rejects.toThrow(new ConfigError("no upstream 'rt9.sock'; there are /run/rt1.sock, /run/rt2.sock"));
  });

  it('is no ConfigError when the program cannot do it', async () => {
    const { path } = await listener('this');
    const app = fastify();
    app.post('/upstreams/:upstream/:verb', async (_request, reply) => reply.code(500).send({ error: 'it is broken' }));
    const broken = `${path}.2`;
    await app.listen({ path: broken });
    onTestFinished(() => app.close());
    const asked = requestAction(new AdminClient([parseAddress(broken)], 'a test'), { verb: 'drain' }, 'a', undefined);
    await expect(asked).rejects.toThrow(new AdminError('it is broken'));
  });
});

/** What is written to standard output until the test is over. */
function printed(): () => string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  return () => write.mock.calls.map(([text]) => text).join('');
}

describe('a drain', () => {
  it('is one request', async () => {
    const { seen, path } = await listener('this');
    const output = printed();
    expect(await drain(['drain', 'rt1.sock', '--admin', path])).toBe(0);
    expect(output()).toBe('/run/rt1.sock in pool rt is draining; 3 in flight\n');
    expect(seen).toEqual(['POST /upstreams/rt1.sock/drain']);
  });

  it('with --wait is one request and a poll for each time that something still runs', async () => {
    let polls = 0;
    const { seen, path } = await listener('this', () => {
      polls += 1;
      return document([pool('rt', [{ ...RT1, in_flight: polls < 3 ? 1 : 0 }])]);
    });
    const output = printed();
    expect(await drain(['drain', 'rt1.sock', '--wait', '--admin', path])).toBe(0);
    expect(output()).toBe('/run/rt1.sock in pool rt is drained\n');
    expect(seen).toEqual(['POST /upstreams/rt1.sock/drain', 'GET /status', 'GET /status', 'GET /status']);
  });
});
