// What is wrong with a configuration file, and where.

import { ConfigError } from '../core/errors.ts';
import { escapeControls } from '../core/escape.ts';

export interface SourcePosition {
  /** As the operator named it, or as the `include` that led there did. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly place: SourcePosition;
  /** The key's path, such as `pools.rt.queue.size`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Every problem of a configuration; the message has one line for each. */
export class ConfigFileError extends ConfigError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`;
    super([...problems.map(problemText), `${file}: ${count}`].map(escapeControls).join('\n'));
    this.name = 'ConfigFileError';
    this.problems = problems;
  }
}

export function placeText({ file, line, column }: SourcePosition): string {
  return `${file}:${line}:${column}`;
}

function problemText({ place, path, message }: Problem): string {
  return `${placeText(place)}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** The path of a key within what `path` leads to. */
export function pathOf(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  const plain = /^[A-Za-z0-9_.-]+$/.test(key) && key.length <= 64;
  const shown = key.length <= 64 ? key : `${key.slice(0, 61)}...`;
  if (!plain) return `${path}[${JSON.stringify(shown)}]`;
  return path === '' ? key : `${path}.${key}`;
}
