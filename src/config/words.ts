// Lists of words as messages and texts write them.

/** `a, b or c` */
export function some(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}
