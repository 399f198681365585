// Source of the unix sockets that match a glob: watched, so that a worker joins when its socket
// appears and leaves with it.

import { type Dirent, type FSWatcher, type Stats, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { UpstreamAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { asError, ConfigError, systemCode } from '../core/errors.ts';
import type { GlobLevel } from '../core/glob-pattern.ts';
import type { Log } from '../core/log.ts';
import type { Source, SourceListener } from './source.ts';
import { UnchangedDirectories } from './unchanged-directories.ts';

export interface GlobSettings {
  /** As the operator wrote it. */
  readonly pattern: string;
  readonly levels: readonly GlobLevel[];
  /**
   * How often the directories are read although nothing was reported, ms: inotify may be lost or
   * out of watches.
   */
  readonly rescan: number;
}

/**
 * ms for which a socket that vanished is known again when it comes back: long enough for what a
 * worker may be at.
 */
const REMEMBERED = 600_000;

interface Found {
  readonly address: UpstreamAddress;
  /** Tells a socket from its successor of the same name. */
  readonly identity: string;
}

/** A directory that was read, and the level of the pattern its names were matched with. */
interface Directory {
  readonly identity: string;
  readonly level: GlobLevel;
}

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/**
 * Invariants: one scan at a time; a report during a scan leads to another one after it; every
 * directory that was read (or the nearest existing one above) is watched until it is no longer of
 * interest.
 */
export class GlobSource implements Source {
  readonly #settings: GlobSettings;
  readonly #addressOf: (path: string) => UpstreamAddress;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();
  readonly #warned = new Set<string>();
  #known = new Map<string, Found>();
  readonly #unchanged = new UnchangedDirectories<ReadonlyMap<string, Found>>();
  /** Sockets that vanished, in that order. */
  readonly #gone = new Map<string, { readonly identity: string; readonly at: number }>();
  #listener: SourceListener | undefined;
  #scanning: 'no' | 'yes' | 'again' = 'no';
  #rescan: Timer | undefined;

  /**
   * @param addressOf the upstream behind a socket of that path; throws ConfigError when there can
   *   be none
   */
  constructor(settings: GlobSettings, clock: Clock, log: Log, addressOf: (path: string) => UpstreamAddress) {
    this.#settings = settings;
    this.#addressOf = addressOf;
    this.#clock = clock;
    this.#log = log;
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener;
    await this.#scan();
  }

  stop(): void {
    this.#listener = undefined;
    this.#rescan?.cancel();
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  async #scan(): Promise<void> {
    if (this.#scanning !== 'no') {
      this.#scanning = 'again';
      return;
    }
    this.#rescan?.cancel();
    do {
      this.#scanning = 'yes';
      const found = new Map<string, Found>();
      const directories = new Map<string, Directory>();
      try {
        await this.#descend('/', 0, found, directories);
        if (this.#listener === undefined) break;
        this.#unchanged.keep(directories);
        // Watch first, then tell: a socket that comes between the two is seen by the scan that its
        // report causes.
        const fresh = this.#watchAll(directories);
        this.#tell(this.#listener, found);
        // What changed in a directory between reading and watching it was not reported: read it
        // once more.
        if (fresh) this.#scanning = 'again';
      } catch (error) {
        this.#warnOnce(asError(error).message, 'cannot look for sockets; keeping those known');
      }
    } while ((this.#scanning as string) === 'again' && this.#listener !== undefined);
    this.#scanning = 'no';
    if (this.#listener !== undefined) this.#rescan = this.#clock.after(this.#settings.rescan, () => void this.#scan());
  }

  /**
   * Walks the levels of the pattern below `directory`, noting matching sockets and every directory
   * that decides about them.
   */
  async #descend(
    directory: string,
    depth: number,
    found: Map<string, Found>,
    directories: Map<string, Directory>,
  ): Promise<void> {
    const { levels } = this.#settings;
    const level = levels[depth];
    if (level === undefined) return;
    const last = depth === levels.length - 1;
    // The next directory is read, or holds the socket itself: whether it is replaced matters.
    const nextCounts = levels[depth + 1]?.kind === 'match' || depth === levels.length - 2;
    if (level.kind === 'name' && !last) {
      const path = join(directory, level.name);
      const identity = await directoryIdentity(path);
      // Only the directory above the one to be read or the missing one need be watched, not each
      // from the root down.
      if (identity === undefined || nextCounts) await this.#note(directory, level, directories);
      if (identity !== undefined) await this.#descend(path, depth + 1, found, directories);
      return;
    }
    await this.#note(directory, level, directories);
    if (level.kind === 'name') {
      await this.#examine(join(directory, level.name), found);
      return;
    }
    if (last) {
      await this.#examineAll(directory, level, found);
      return;
    }
    for (const { name } of await listDirectory(directory)) {
      const path = join(directory, name);
      if (level.matches(name) && (await directoryIdentity(path)) !== undefined) {
        await this.#descend(path, depth + 1, found, directories);
      }
    }
  }

  async #examineAll(directory: string, level: GlobLevel & { readonly kind: 'match' }, found: Map<string, Found>): Promise<void> {
    const facts = await statOrNothing(directory);
    if (facts === undefined) return;
    const lookedAt = this.#clock.date();
    const paths = this.#unchanged.in(directory, facts);
    if (paths !== undefined) {
      for (const [path, each] of paths) found.set(path, each);
      return;
    }
    const here = new Map<string, Found>();
    let links = false;
    for (const entry of await listDirectory(directory)) {
      if (!level.matches(entry.name)) continue;
      // What a link leads to is replaced elsewhere.
      links ||= entry.isSymbolicLink();
      await this.#examine(join(directory, entry.name), here);
    }
    for (const [path, each] of here) found.set(path, each);
    if (links) this.#unchanged.forget(directory);
    else this.#unchanged.remember(directory, facts, lookedAt, here);
  }

  async #note(directory: string, level: GlobLevel, directories: Map<string, Directory>): Promise<void> {
    const identity = await directoryIdentity(directory);
    if (identity !== undefined) directories.set(directory, { identity, level });
  }

  async #examine(path: string, found: Map<string, Found>): Promise<void> {
    const facts = await statOrNothing(path);
    if (facts === undefined) return;
    if (!facts.isSocket()) {
      this.#ignore(path, 'it is not a socket');
      return;
    }
    try {
      const identity = `${facts.dev}:${facts.ino}:${facts.birthtimeMs}`;
      found.set(path, { address: this.#addressOf(path), identity });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#ignore(path, error.message);
    }
  }

  #ignore(path: string, reason: string): void {
    this.#warnOnce(`${path}: ${reason}`, 'a path that could be an upstream is ignored');
  }

  /** Scans come every few seconds; what is wrong is said once, until it changes. */
  #warnOnce(problem: string, message: string): void {
    if (this.#warned.has(problem)) return;
    this.#warned.add(problem);
    this.#log.warn({ glob: this.#settings.pattern, problem }, message);
  }

  #tell(listener: SourceListener, found: Map<string, Found>): void {
    const before = this.#known;
    this.#known = found;
    const now = this.#clock.now();
    for (const [path, { at }] of this.#gone) {
      if (now - at < REMEMBERED) break;
      this.#gone.delete(path);
    }
    for (const [path, { address, identity }] of before) {
      if (found.has(path)) continue;
      this.#gone.delete(path);
      this.#gone.set(path, { identity, at: now });
      listener.vanished(address);
    }
    for (const [path, { address, identity }] of found) {
      if (before.get(path)?.identity === identity) continue;
      const same = this.#gone.get(path)?.identity === identity;
      this.#gone.delete(path);
      listener.appeared(address, same);
    }
  }

  /** Watches exactly these directories. True when one was not watched before. */
  #watchAll(directories: Map<string, Directory>): boolean {
    for (const [path, { watcher, identity }] of this.#watched) {
      if (directories.get(path)?.identity === identity) continue;
      watcher.close();
      this.#watched.delete(path);
    }
    let fresh = false;
    for (const [path, { identity, level }] of directories) {
      if (this.#watched.has(path)) continue;
      try {
        const watcher = watch(path, { persistent: false }, (event, name) => {
          // A busy directory such as /run reports much that is none of our business.
          if (event === 'rename' && (name === null || fits(level, name) || name === basename(path))) void this.#scan();
        });
        watcher.on('error', () => {
          watcher.close();
          this.#watched.delete(path);
        });
        this.#watched.set(path, { watcher, identity });
        fresh = true;
      } catch (error) {
        // Out of inotify watches, or gone again: the periodic scan still sees what happens.
        this.#warnOnce(asError(error).message, 'cannot watch a directory; reading it now and then instead');
      }
    }
    return fresh;
  }
}

function fits(level: GlobLevel, name: string): boolean {
  return level.kind === 'name' ? name === level.name : level.matches(name);
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function directoryIdentity(path: string): Promise<string | undefined> {
  const facts = await statOrNothing(path);
  return facts?.isDirectory() === true ? `${facts.dev}:${facts.ino}` : undefined;
}

async function listDirectory(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
