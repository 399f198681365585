// The candidates of a balancer that has no order among them: added, removed and reached by position
// at constant cost.

export class CandidateList<C extends object> {
  readonly #items: C[] = [];
  readonly #positions = new Map<C, number>();

  get items(): readonly C[] {
    return this.#items;
  }

  add(candidate: C): void {
    if (this.#positions.has(candidate)) return;
    this.#positions.set(candidate, this.#items.push(candidate) - 1);
  }

  /** The last one moves into the place that becomes free. */
  remove(candidate: C): void {
    const at = this.#positions.get(candidate);
    if (at === undefined) return;
    this.#positions.delete(candidate);
    const last = this.#items.pop();
    if (last === undefined || last === candidate) return;
    this.#items[at] = last;
    this.#positions.set(last, at);
  }
}
