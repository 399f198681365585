// Puts names in the order in which people count them: rt2 before rt10.

const PARTS = /\d+|\D+/g;

/** Below 0 when `a` comes first, above 0 when `b` does; 0 only for the same text. */
export function naturally(a: string, b: string): number {
  const [left, right] = [a.match(PARTS) ?? [], b.match(PARTS) ?? []];
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const difference = /^\d/.test(one) && /^\d/.test(other) ? byNumber(one, other) : byText(one, other);
    if (difference !== 0) return difference;
  }
  if (left.length < right.length) return -1;
  // rt01 and rt1 are the same number and different sockets.
  return byText(a, b);
}

/** Of any length: more digits than a number holds are still digits. */
function byNumber(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return one.length - other.length || byText(one, other);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
