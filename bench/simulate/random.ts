// A generator of pseudo-random numbers that gives the same ones for the same seed, everywhere.

/**
 * Numbers of at least 0 and below 1: a counter, whose bits are mixed so that neighbours have
 * nothing in common.
 */
export function seeded(seed: number): () => number {
  let counter = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let bits = Math.imul(counter ^ (counter >>> 16), 0x7feb352d);
    bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}
