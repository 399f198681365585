// Finds the longest of many prefixes of a path, in about as many steps as it takes to look up a
// word in a dictionary.

interface Row<V> {
  readonly prefix: string;
  readonly value: V;
  /** The longest other prefix that this one begins with. */
  parent: Row<V> | undefined;
}

/**
 * Invariant: rows are in the order of their prefixes. The prefixes of a path are then among the
 * last row that is not behind the path, and its parents: whatever stands between a prefix of the
 * path and the path begins with that prefix.
 */
export class PrefixTable<V> {
  readonly #rows: Row<V>[] = [];

  at(prefix: string): V | undefined {
    const row = this.#rows[this.#lastUpTo(prefix)];
    return row?.prefix === prefix ? row.value : undefined;
  }

  /** Adds a prefix that is not there yet. */
  set(prefix: string, value: V): void {
    const before = this.#lastUpTo(prefix);
    let parent = this.#rows[before];
    while (parent !== undefined && !prefix.startsWith(parent.prefix)) parent = parent.parent;
    const row: Row<V> = { prefix, value, parent };
    this.#rows.splice(before + 1, 0, row);
    for (let at = before + 2; this.#rows[at]?.prefix.startsWith(prefix) === true; at += 1) {
      const longer = this.#rows[at];
      if (longer !== undefined && longer.parent === parent) longer.parent = row;
    }
  }

  /**
   * What `pick` makes of the longest prefix of the path, or of the next shorter one as long as that
   * is undefined.
   */
  longest<R>(path: string, pick: (value: V) => R | undefined): R | undefined {
    let row = this.#rows[this.#lastUpTo(path)];
    for (; row !== undefined; row = row.parent) {
      if (!path.startsWith(row.prefix)) continue;
      const picked = pick(row.value);
      if (picked !== undefined) return picked;
    }
    return undefined;
  }

  /** Index of the last row that is not behind the text; -1 when all are. */
  #lastUpTo(text: string): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle]?.prefix ?? '') <= text) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
