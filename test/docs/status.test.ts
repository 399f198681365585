// docs/status.md names every field of GET /status, and no other.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventful } from '../support/program/eventful.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/status.md'), 'utf8');
const DOCUMENTED = [...PAGE.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path = '']) => path);
/** Objects whose keys are codes and classes, not fields. */
const MAPS = new Set(DOCUMENTED.filter((path) => path.endsWith('.*')).map((path) => path.slice(0, -2)));

/** The path of every value that is neither an object nor a list. */
function pathsOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : value.flatMap((each) => pathsOf(each, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) =>
    pathsOf(each, path === '' ? key : `${path}.${MAPS.has(path) ? '*' : key}`),
  );
}

describe('docs/status.md', () => {
  it('names every field that the document has after all that can happen, and no other', async () => {
    const { admin, reload } = await eventful();
    const get = async (): Promise<unknown> => JSON.parse((await ask(admin, { path: '/status' })).body.toString());
    const bad = await get();
    // A reload that works, to a pool without upstreams: it is not ready, and says why.
    await reload(`pools: { rt: { upstreams: ['./none*.sock'] } }\nroutes: [{ pool: rt }]`);
    const good = await get();
    const found = new Set([...pathsOf(bad), ...pathsOf(good)]);
    // null stands where an object may be.
    const nullable = ['pools[].queue.wait_ms', 'pools[].upstreams[].head_ms', 'pools[].upstreams[].last_probe', 'reload'];
    for (const path of nullable) found.delete(path);
    expect([...found].sort()).toEqual([...DOCUMENTED].sort());
  });

  it('names each field once', () => {
    expect(DOCUMENTED.length).toBeGreaterThan(50);
    expect(new Set(DOCUMENTED).size).toBe(DOCUMENTED.length);
  });
});
