// fcgi-lb inside the test's own process with a configuration file that the test rewrites and has
// read again.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PoolStatus, ReloadStatus, Status, UpstreamStatus } from '../../../src/admin/status.ts';
import { settingsFromFile } from '../../../src/cli/file-settings.ts';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { tempDir } from '../temp-dir.ts';
import { startProxy, type Proxy as TestProxy } from './proxy.ts';

export interface Reloadable {
  readonly proxy: TestProxy;
  /**
   * Writes the file and has it read again, as `POST /reload` does.
   * @throws Error with the problems of a file that is not taken
   */
  reload(yaml: string): Promise<void>;
  /** The same for a file that may be bad. */
  tryReload(yaml: string): Promise<ReloadStatus>;
  readonly status: () => Status;
  /** @throws Error when there is none, or are several that have left or several that have not */
  pool(name: string, leaving?: boolean): PoolStatus;
  upstreamStatus(address: string): UpstreamStatus;
  /** The living object. */
  upstream(address: string): Upstream;
}

/** @param words beside the file */
export async function reloadable(yaml: string, words: readonly string[] = []): Promise<Reloadable> {
  const file = join(tempDir(), 'f.yaml');
  writeFileSync(file, yaml);
  const proxy = await startProxy(['--config', file, ...words]);
  const { program } = proxy;
  const admin = words.includes('--admin') ? [] : ['--admin', 'off'];
  const { options } = readCommandLine(['--config', file, '--listen', proxy.path, ...admin, ...words]);
  proxy.loadBy(() => settingsFromFile(options, false));
  const tryReload = (text: string): Promise<ReloadStatus> => {
    writeFileSync(file, text);
    return program.operator.reload({ by: 'a test' });
  };
  const status = (): Status => program.operator.status();
  return {
    proxy,
    status,
    tryReload,
    reload: async (text) => {
      const result = await tryReload(text);
      if (result.result === 'bad') throw new Error(result.problems.join('\n'));
    },
    pool: (name, leaving = false) => only(status().pools.filter((pool) => pool.name === name && pool.leaving === leaving)),
    upstreamStatus: (address) => only(status().pools.flatMap((pool) => pool.upstreams.filter((each) => each.name === address))),
    upstream: (address) => only([...program.pool.upstreams].filter((each) => each.name === address)),
  };
}

/** The text of a file with pools, each given as YAML in one line, and routes to the first. */
export function poolsFile(pools: Readonly<Record<string, string>>, more = ''): string {
  const lines = Object.entries(pools).map(([name, text]) => `  ${name}: ${text}\n`);
  return `pools:\n${lines.join('')}routes: [{ pool: ${Object.keys(pools)[0]} }]\n${more}`;
}

function only<T>(found: readonly T[]): T {
  const [first, ...more] = found;
  if (first === undefined || more.length > 0) throw new Error(`expected one, found ${JSON.stringify(found)}`);
  return first;
}
