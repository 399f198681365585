// One line a request: who asked for what, which upstream answered, after how long in which stage.

import type { Clock } from '../core/clock.ts';
import { escapeControls, escapeJson } from '../core/escape.ts';

export interface AccessEntry {
  readonly client: string;
  readonly method: string;
  /** The request target as the client sent it. */
  readonly path: string;
  readonly status: number;
  /** Body bytes of the response that were handed to the client's connection. */
  readonly bytes: number;
  readonly upstream: string | undefined;
  readonly attempts: number;
  /** Times in ms. Undefined: that stage was not reached. */
  readonly queue: number | undefined;
  readonly connect: number | undefined;
  readonly head: number | undefined;
  readonly total: number;
  /** Code of the failure that ended the request, if one did. */
  readonly error: string | undefined;
}

export type AccessLog = (entry: AccessEntry) => void;

/** Writes entries as lines of JSON, or in a form for eyes. `write` gets whole lines. */
export function createAccessLog(format: 'json' | 'pretty', clock: Clock, write: (line: string) => void): AccessLog {
  return format === 'json' ? (entry) => write(jsonLine(clock.date(), entry)) : (entry) => write(prettyLine(clock.date(), entry));
}

function jsonLine(date: Date, entry: AccessEntry): string {
  const json = JSON.stringify({
    time: date.toISOString(),
    client: entry.client,
    method: entry.method,
    path: entry.path,
    status: entry.status,
    bytes: entry.bytes,
    upstream: entry.upstream,
    attempts: entry.attempts,
    queue_ms: rounded(entry.queue),
    connect_ms: rounded(entry.connect),
    head_ms: rounded(entry.head),
    total_ms: rounded(entry.total),
    error: entry.error,
  });
  return `${escapeJson(json)}\n`;
}

function prettyLine(date: Date, entry: AccessEntry): string {
  const error = entry.error === undefined ? '' : ` ${entry.error}`;
  return (
    `${date.toISOString()} ${entry.client} ${entry.method} ${escapeControls(entry.path)} ${entry.status} ${entry.bytes}B` +
    ` upstream=${entry.upstream ?? '-'} attempts=${entry.attempts} queue=${shown(entry.queue)} connect=${shown(entry.connect)}` +
    ` head=${shown(entry.head)} total=${shown(entry.total)}${error}\n`
  );
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}

function shown(ms: number | undefined): string {
  return ms === undefined ? '-' : `${rounded(ms)}ms`;
}
