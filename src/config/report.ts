// Collects what is wrong, and remembers where each value that was read had stood.

import { type Problem, pathOf, placeText, type SourcePosition } from './problem.ts';

/** Where a map or a list stood, and what stood in it. */
export interface Origin {
  readonly path: string;
  readonly place: SourcePosition;
  /** By key or index: where its value stands; also of those whose value was wrong and left out. */
  readonly values: ReadonlyMap<string | number, SourcePosition>;
}

/**
 * Characters: messages quote what they found, and that may be a whole program instead of a value.
 */
const MAX_MESSAGE = 500;

export class Report {
  readonly #problems: Problem[] = [];
  readonly #told = new Set<string>();
  readonly #origins = new WeakMap<object, Origin>();

  /** In the order of the files, and within a file of the lines. */
  problems(files: readonly string[]): readonly Problem[] {
    return this.#problems.toSorted(
      (a, b) =>
        files.indexOf(a.place.file) - files.indexOf(b.place.file) ||
        a.place.line - b.place.line ||
        a.place.column - b.place.column,
    );
  }

  add(place: SourcePosition, path: string, message: string): void {
    // An alias brings the same text under several paths; once is enough.
    const key = `${placeText(place)} ${message}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const short = message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 3)}...`;
    this.#problems.push({ place, path, message: short });
  }

  /**
   * Whether something is wrong at a key of the top, or below it: then what follows from that is not
   * worth saying.
   */
  concerns(key: string): boolean {
    return this.#problems.some(({ path }) => path === key || (path.startsWith(key) && /^[.[]/.test(path.slice(key.length))));
  }

  /** Remembers where a map or a list came from. */
  remember(value: object, origin: Origin): void {
    this.#origins.set(value, origin);
  }

  /** Where the value of a key stands, or the whole when the key is not there. */
  placeOf(value: object, key?: string | number): SourcePosition {
    const origin = this.#origin(value);
    return (key === undefined ? undefined : origin.values.get(key)) ?? origin.place;
  }

  /** Whether the key is in the file, rightly or wrongly. */
  has(value: object, key: string): boolean {
    return this.#origin(value).values.has(key);
  }

  /** The keys that are in the file, rightly or wrongly. */
  keysOf(value: object): readonly string[] {
    return [...this.#origin(value).values.keys()].map(String);
  }

  /** Complains of one key of a map or list that was read, or of all of it. */
  at(value: object, key: string | number | undefined, message: string): void {
    const { path } = this.#origin(value);
    this.add(this.placeOf(value, key), key === undefined ? path : pathOf(path, key), message);
  }

  #origin(value: object): Origin {
    const origin = this.#origins.get(value);
    if (origin === undefined) throw new Error('a value that was not read from a file has no place');
    return origin;
  }
}
