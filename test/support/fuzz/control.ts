// Says whether text holds what must never get through: control characters.

/** @param allowed control characters that may be there */
export function holdsControl(text: string, allowed = ''): boolean {
  return [...text].some((c) => (c.charCodeAt(0) < 32 || c.charCodeAt(0) === 127) && !allowed.includes(c));
}
