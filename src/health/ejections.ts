// How much of a pool may be ejected at a time: never all of it.

/** Invariant: at least one member is not ejected, however large the share, while there is a member at all. */
export class Ejections<Member> {
  readonly #share: number;
  readonly #members = new Set<Member>();
  /** In the order in which they were ejected. */
  readonly #ejected = new Set<Member>();

  /** @param share of the members that may be ejected, 0 to 1 */
  constructor(share: number) {
    this.#share = share;
  }

  join(member: Member): void {
    this.#members.add(member);
  }

  /** @returns who must be let back in, now that fewer are left */
  leave(member: Member): readonly Member[] {
    this.#members.delete(member);
    this.#ejected.delete(member);
    const back: Member[] = [];
    for (const ejected of this.#ejected) {
      if (this.#ejected.size - back.length <= this.#most) break;
      back.push(ejected);
    }
    for (const each of back) this.#ejected.delete(each);
    return back;
  }

  /** Ejects a member, if so many may be. */
  eject(member: Member): boolean {
    if (this.#ejected.has(member)) return true;
    if (!this.#members.has(member) || this.#ejected.size + 1 > this.#most) return false;
    this.#ejected.add(member);
    return true;
  }

  restore(member: Member): void {
    this.#ejected.delete(member);
  }

  get #most(): number {
    return Math.min(Math.floor(this.#members.size * this.#share), this.#members.size - 1);
  }
}
