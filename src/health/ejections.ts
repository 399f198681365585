// The members of a pool that may be ejected: at most a share, and never the last one that serves.

/**
 * Invariants: at most the share is ejected; while a member is ejected, another one serves, provided
 * that `needed` is called whenever a member may have ceased to.
 */
export class Ejections<Member> {
  #share: number;
  readonly #serves: (member: Member) => boolean;
  readonly #members = new Set<Member>();
  /** In the order in which they were ejected. */
  readonly #ejected = new Set<Member>();

  /**
   * @param share of the members that may be ejected, 0 to 1
   * @param serves whether a member gets requests: one that is dead, drained or down by its probes
   *   is no substitute
   */
  constructor(share: number, serves: (member: Member) => boolean) {
    this.#share = share;
    this.#serves = serves;
  }

  /** Another share holds for what is ejected from now on. */
  reconfigure(share: number): void {
    this.#share = share;
  }

  join(member: Member): void {
    this.#members.add(member);
  }

  /** @returns the members to let back in, now that fewer are left */
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

  /** Ejects a member, if so many may be and another one serves. */
  eject(member: Member): boolean {
    if (this.#ejected.has(member)) return true;
    if (!this.#members.has(member) || this.#ejected.size + 1 > this.#most) return false;
    if (!this.#anotherServes(member)) return false;
    this.#ejected.add(member);
    return true;
  }

  restore(member: Member): void {
    this.#ejected.delete(member);
  }

  /** @returns the member to let back in, the one ejected first, when no member serves any more */
  needed(): Member | undefined {
    if (this.#ejected.size === 0 || this.#anotherServes(undefined)) return undefined;
    const [first] = this.#ejected;
    if (first !== undefined) this.#ejected.delete(first);
    return first;
  }

  /** The pool is ending: no member is let back in any more. */
  close(): void {
    this.#members.clear();
    this.#ejected.clear();
  }

  #anotherServes(except: Member | undefined): boolean {
    for (const member of this.#members) if (member !== except && this.#serves(member)) return true;
    return false;
  }

  get #most(): number {
    return Math.min(Math.floor(this.#members.size * this.#share), this.#members.size - 1);
  }
}
