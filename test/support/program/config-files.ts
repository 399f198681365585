// Configuration files of a test's own, in a directory of their own.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { answering, fakeWorker } from '../servers/fake-worker.ts';
import { tempDir } from '../temp-dir.ts';
import { type Proxy as RunningProxy, startProxy } from './proxy.ts';

/** Writes files into a fresh directory, and returns its path. */
export function writeFiles(files: Readonly<Record<string, string | Buffer>>, directory = tempDir()): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

export interface Site extends RunningProxy {
  readonly directory: string;
  /** Parameters of the latest request that each pool was given. */
  readonly last: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/**
 * A program that serves routes: each pool that they name has one worker, which answers with the
 * name of its pool.
 * @param routes the list, in YAML
 * @param more files besides the configuration, which is in the same directory
 */
export async function startSite(
  routes: string,
  pools: readonly string[],
  more: Readonly<Record<string, string | Buffer>> = {},
): Promise<Site> {
  // A program without any pool is fine, but the leak check of startProxy looks at one.
  if (pools.length === 0) return startSite(`  - { host: unused.invalid, pool: unused }\n${routes}`, ['unused'], more);
  const last = new Map<string, ReadonlyMap<string, string>>();
  const lines = pools.map((name) => `  ${name}: { upstreams: [./${name}.sock] }\n`);
  const directory = writeFiles({ ...more, 'f.yaml': `pools:\n${lines.join('')}routes:\n${routes}` });
  for (const name of pools) {
    const handler: ReturnType<typeof answering> = (reply) => {
      last.set(name, reply.request.params);
      return answering(name)(reply);
    };
    await fakeWorker(handler, { path: join(directory, `${name}.sock`) });
  }
  const proxy = await startProxy(['--config', join(directory, 'f.yaml')]);
  return { ...proxy, directory, last };
}
