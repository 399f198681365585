// A set of small whole numbers that finds the next one from any number on in a few steps, however
// many there are.

/**
 * A bit for each number in words of 32, and for each word a bit that says whether it has any: a
 * look at 1,024 numbers at a time.
 */
export class NumberSet {
  #words = new Int32Array(1);
  #summary = new Int32Array(1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A number that is not in the set. */
  add(number: number): void {
    const word = number >> 5;
    if (word >= this.#words.length) this.#grow(word);
    // A shift counts modulo 32: `1 << number` is the bit within the word.
    this.#words[word] = (this.#words[word] ?? 0) | (1 << number);
    this.#summary[word >> 5] = (this.#summary[word >> 5] ?? 0) | (1 << word);
    this.#size += 1;
  }

  /** A number that is in the set. */
  delete(number: number): void {
    const word = number >> 5;
    const left = (this.#words[word] ?? 0) & ~(1 << number);
    this.#words[word] = left;
    if (left === 0) this.#summary[word >> 5] = (this.#summary[word >> 5] ?? 0) & ~(1 << word);
    this.#size -= 1;
  }

  /** The least number in the set that is not below `from`, or -1. */
  next(from: number): number {
    let word = from >> 5;
    let bits = (this.#words[word] ?? 0) & (-1 << from);
    if (bits === 0) {
      word += 1;
      let group = word >> 5;
      let words = (this.#summary[group] ?? 0) & (-1 << word);
      while (words === 0) {
        group += 1;
        if (group >= this.#summary.length) return -1;
        words = this.#summary[group] ?? 0;
      }
      word = (group << 5) + lowestBit(words);
      bits = this.#words[word] ?? 0;
    }
    return (word << 5) + lowestBit(bits);
  }

  #grow(word: number): void {
    const words = new Int32Array(Math.max(word + 1, 2 * this.#words.length));
    words.set(this.#words);
    this.#words = words;
    const summary = new Int32Array(((words.length - 1) >> 5) + 1);
    summary.set(this.#summary);
    this.#summary = summary;
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
