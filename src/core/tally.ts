// How often each of a few things has happened.

export class Tally<K extends string> {
  readonly #counts = new Map<K, number>();

  add(key: K): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  of(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Only what has happened. */
  counts(): Readonly<Partial<Record<K, number>>> {
    return Object.fromEntries(this.#counts) as Partial<Record<K, number>>;
  }
}
