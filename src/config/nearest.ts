// The known word that a mistyped one is nearest to.

/** At most this share of a word may be wrong for it to be taken for another. */
const TOLERANCE = 1 / 3;

/**
 * The known word that is nearest to `word`; undefined when none is near. Case and `-` for `_` count
 * as no difference.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const plain = normal(word);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = normal(candidate);
    const most = Math.max(1, Math.floor(Math.max(plain.length, other.length) * TOLERANCE));
    if (Math.abs(plain.length - other.length) > most) continue;
    const steps = distance(plain, other);
    if (steps <= most && steps < least && steps < other.length) {
      best = candidate;
      least = steps;
    }
  }
  return best;
}

/** `; did you mean 'X'?`, or nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean '${near}'?`;
}

function normal(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/**
 * Letters to put in, leave out, replace or swap with their neighbour to make one word of the other.
 */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const differs = a[row - 1] === b[column - 1] ? 0 : 1;
      let steps = Math.min((last[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + differs);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        steps = Math.min(steps, (beforeLast[column - 2] ?? 0) + 1);
      }
      now.push(steps);
    }
    beforeLast = last;
    last = now;
  }
  return last[b.length] ?? 0;
}
