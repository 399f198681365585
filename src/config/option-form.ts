// How a value of one kind is written on the command line, and what a shell offers for it.

/** What a shell can complete: paths, names that the running program knows, a choice of words. */
export type ValueKind = 'file' | 'directory' | 'address' | 'upstream' | 'pool' | readonly string[];

/** How a value of one kind is written as an option of the command line. */
export interface OptionForm {
  /** What stands for it in the help: `TIME`, `on|off`. */
  readonly placeholder: string;
  /** What completion offers; words in a placeholder such as `on|off` are offered anyway. */
  readonly takes?: ValueKind;
  /** The words of an option for the words of a file, where they differ. */
  readonly words?: Readonly<Record<string, string>>;
}
