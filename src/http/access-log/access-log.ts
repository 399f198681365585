// One line a request: who asked for what, which upstream answered, after how long in which stage.

import { COMBINED } from '../../config/log-format.ts';
import type { Clock } from '../../core/clock.ts';
import { escapeControls, escapeJson } from '../../core/escape.ts';
import { compileLogFormat } from './log-format.ts';
import type { AccessLog, AccessRecord } from './record.ts';

export type { AccessLog, AccessRecord } from './record.ts';

/**
 * Writes entries as lines. `write` gets whole lines.
 * @param format `json`, `pretty` (a form for eyes), `combined`, or text with variables
 * @throws ConfigError for a variable that does not exist
 */
export function createAccessLog(format: string, clock: Clock, write: (line: string) => void): AccessLog {
  if (format === 'json') return (entry) => write(jsonLine(clock.date(), entry));
  if (format === 'pretty') return (entry) => write(prettyLine(clock.date(), entry));
  const { line, wantsAddresses } = compileLogFormat(format === 'combined' ? COMBINED : format);
  return Object.assign((entry: AccessRecord) => write(line(entry, clock.date())), { wantsAddresses });
}

function jsonLine(date: Date, entry: AccessRecord): string {
  const json = JSON.stringify({
    time: date.toISOString(),
    request_id: entry.requestId,
    client: entry.client,
    method: entry.method,
    path: entry.path,
    status: entry.status,
    bytes: entry.bytes,
    pool: entry.pool,
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

function prettyLine(date: Date, entry: AccessRecord): string {
  const error = entry.error === undefined ? '' : ` ${entry.error}`;
  const id = entry.requestId === undefined ? '' : ` id=${entry.requestId}`;
  return (
    `${date.toISOString()} ${entry.client} ${entry.method} ${escapeControls(entry.path)} ${entry.status} ${entry.bytes}B` +
    ` upstream=${entry.upstream ?? '-'} attempts=${entry.attempts} queue=${shown(entry.queue)} connect=${shown(entry.connect)}` +
    ` head=${shown(entry.head)} total=${shown(entry.total)}${id}${error}\n`
  );
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}

function shown(ms: number | undefined): string {
  return ms === undefined ? '-' : `${rounded(ms)}ms`;
}
