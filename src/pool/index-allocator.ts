// Small whole numbers for the members of a pool, so that what is known of a member is found by
// position.

/**
 * Invariant: what is taken is in nobody else's hands, and no larger than the most that were ever
 * taken at a time.
 */
export class IndexAllocator {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    const place = this.#free.pop();
    if (place !== undefined) return place;
    this.#next += 1;
    return this.#next - 1;
  }

  give(place: number): void {
    this.#free.push(place);
  }
}
