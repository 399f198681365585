// What a shell is to offer for the value of an option, or for an operand, as the tables of options
// say it.

import type { ValueKind } from '../../config/option-form.ts';
import type { Option } from '../options/table.ts';

export interface Candidates {
  /** A choice of words. */
  readonly words: readonly string[];
  readonly paths: 'file' | 'directory' | undefined;
  /** Names that the running program knows. */
  readonly names: 'upstream' | 'pool' | undefined;
}

const NOTHING: Candidates = { words: [], paths: undefined, names: undefined };

/** @returns undefined for a flag, which takes no value */
export function candidatesFor({ value, takes }: Option): Candidates | undefined {
  if (value === undefined) return undefined;
  if (takes !== undefined) return candidatesOf(takes);
  // `on|off`, `-|FILE|off`: what is not in capitals is written as it is.
  const parts = value.includes('|') ? value.split('|') : [];
  return {
    ...NOTHING,
    words: parts.filter((part) => !/[A-Z]/.test(part)),
    paths: parts.includes('FILE') ? 'file' : undefined,
  };
}

export function candidatesOf(takes: ValueKind | undefined): Candidates {
  if (takes === undefined) return NOTHING;
  if (typeof takes !== 'string') return { ...NOTHING, words: takes };
  switch (takes) {
    case 'file':
    case 'directory':
      return { ...NOTHING, paths: takes };
    // The form that can be completed is the path of a socket.
    case 'address':
      return { ...NOTHING, paths: 'file' };
    case 'upstream':
    case 'pool':
      return { ...NOTHING, names: takes };
  }
}
