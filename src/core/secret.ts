// A secret that can be compared with what is offered, and can be neither read nor printed: only its
// digest is kept.

import { createHash, timingSafeEqual } from 'node:crypto';

export class Secret {
  readonly #digest: Buffer;

  constructor(text: string) {
    this.#digest = digestOf(text);
  }

  /**
   * Takes the same time whatever is offered: digests are compared, which are of one length, and all
   * of their bytes.
   */
  matches(offered: string): boolean {
    return timingSafeEqual(digestOf(offered), this.#digest);
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
