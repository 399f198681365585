// What was found in directories that have not changed since: a look at a thousand sockets is then a
// look at their directory.

/** What `stat` says of a directory, as far as it matters here. */
export interface DirectoryFacts {
  readonly dev: number;
  readonly ino: number;
  /** ms since 1970. A name that comes, goes or is given to another file changes it. */
  readonly mtimeMs: number;
}

/**
 * ms: a change within one tick of the kernel's clock leaves the time of the last one, so a
 * directory that has changed so lately is not taken for unchanged.
 */
const SETTLED = 2000;

export class UnchangedDirectories<T> {
  readonly #known = new Map<string, { readonly facts: DirectoryFacts; readonly content: T }>();

  /** What was found in the directory, if it is still the same and has not changed. */
  in(path: string, { dev, ino, mtimeMs }: DirectoryFacts): T | undefined {
    const known = this.#known.get(path);
    if (known === undefined) return undefined;
    const { facts } = known;
    return facts.dev === dev && facts.ino === ino && facts.mtimeMs === mtimeMs ? known.content : undefined;
  }

  /**
   * @param facts from before the directory was read
   * @param at when they were asked for, by the clock that files are dated with
   */
  remember(path: string, facts: DirectoryFacts, at: Date, content: T): void {
    if (at.getTime() - facts.mtimeMs < SETTLED) this.#known.delete(path);
    else this.#known.set(path, { facts, content });
  }

  forget(path: string): void {
    this.#known.delete(path);
  }

  /** Forgets all others. */
  keep(paths: { has(path: string): boolean }): void {
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }
}
