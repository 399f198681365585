// fcgi-lb inside the test's own process: built from command-line words, with everything it logs
// kept, and checked for leaks.

import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Logs } from '../../../src/app/logging.ts';
import { silentNotifier } from '../../../src/app/notifier.ts';
import { Program } from '../../../src/app/program.ts';
import { ownCommand } from '../../../src/app/upgrade.ts';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import type { PoolSettings, Settings } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Log, LogFields } from '../../../src/core/log.ts';
import type { AccessRecord } from '../../../src/http/access-log/access-log.ts';
import { tempDir } from '../temp-dir.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface Proxy {
  /** The unix socket it listens on for HTTP. */
  readonly path: string;
  /** The TCP port it listens on, when the words ask for one. */
  readonly port: number;
  readonly program: Program;
  readonly access: readonly AccessRecord[];
  readonly log: readonly LogLine[];
  /** Resolves with the access line number `count` (from 1), when it has been written. */
  accessLine(count: number): Promise<AccessRecord>;
  /** Resolves with the first line of the log, past or future, for which `test` holds. */
  logLine(test: (line: LogLine) => boolean): Promise<LogLine>;
  /** What a reload reads from now on; until then it finds the settings that there are. */
  loadBy(load: () => Settings): void;
  /**
   * Has the program reload these settings.
   * @throws Error with the problems when it does not take them
   */
  takeUp(settings: Settings): Promise<void>;
  /** Stops gracefully; otherwise that happens at the end of the test. */
  stop(): Promise<void>;
}

/** A change of settings for which there is no word: every pool gets what is given. */
export function withPool(patch: Partial<PoolSettings>): (settings: Settings) => Settings {
  return (settings) => ({ ...settings, pools: settings.pools.map((pool) => ({ ...pool, ...patch })) });
}

/**
 * Starts the program as `fcgi-lb WORDS...` would, listening on a unix socket and without an admin
 * listener unless the words say so.
 * @param change made to the settings that the words give
 */
export async function startProxy(
  words: readonly string[],
  change: (settings: Settings) => Settings = (settings) => settings,
): Promise<Proxy> {
  const path = join(tempDir(), 'http.sock');
  const has = (name: string): boolean => words.includes(name);
  const all = [...words, ...(has('--listen') ? [] : ['--listen', path]), ...(has('--admin') ? [] : ['--admin', 'off'])];
  const { options } = readCommandLine(all);
  const settings = change(
    has('--config')
      ? (await import('../../../src/cli/file-settings.ts')).settingsFromFile(options, false)
      : settingsFrom(options, false),
  );
  const log: LogLine[] = [];
  const access: AccessRecord[] = [];
  let watchers: Array<() => void> = [];
  const changed = (): void => {
    const waiting = watchers;
    watchers = [];
    for (const watcher of waiting) watcher();
  };
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => watchers.push(resolve));
    }
  };
  const keep =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void => {
      log.push({ level, message, fields });
      changed();
    };
  const recorder: Log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const logs: Logs = {
    log: recorder,
    accessLog: (entry) => {
      access.push(entry);
      changed();
    },
    reopen: () => undefined,
    accessLogDrops: { count: 0 },
    flush: () => Promise.resolve(),
    prepare: () => ({ commit: () => undefined, rollback: () => undefined }),
  };
  let load = (): Settings => program.settings;
  const program = new Program(settings, {
    ...{ version: 'test', clock: systemClock, logs, notifier: silentNotifier, command: ownCommand() },
    load: () => load(),
  });
  await program.start();
  program.watch();
  program.changes.begin();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await program.stop();
      // The leak check: nothing runs and nobody waits once the program says that it has stopped.
      expect([...program.pool.upstreams].map((upstream) => upstream.inFlight)).toEqual([...program.pool.upstreams].map(() => 0));
      expect(program.pool.waiting).toBe(0);
    })();
    return stopped;
  };
  onTestFinished(stop);
  const addresses = log.flatMap(({ fields }) => (Array.isArray(fields['listen']) ? (fields['listen'] as string[]) : []));
  return {
    path,
    port: Number(addresses.find((address) => /:\d+$/.test(address))?.replace(/^.*:/, '')),
    program,
    access,
    log,
    accessLine: (count) => until(() => access[count - 1]),
    logLine: (test) => until(() => log.find(test)),
    loadBy: (from) => {
      load = from;
    },
    takeUp: async (next) => {
      load = () => next;
      const result = await program.reload('a test');
      if (result.kind === 'bad') throw new Error(result.problems.join('\n'));
    },
    stop,
  };
}
