// Opens the two logs: the program's own on standard error, and one line a request wherever the operator wants it.

import { closeSync, openSync } from 'node:fs';
import pino, { type DestinationStream } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { escapeControls, escapeJson } from '../core/escape.ts';
import type { Log, LogFields } from '../core/log.ts';
import { type AccessLog, createAccessLog } from '../http/access-log.ts';

export interface Logs {
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  /** Opens the access log's file anew, after it has been moved away. */
  reopen(): void;
  /** Writes out what is still in memory. */
  flush(): void;
}

type Destination = ReturnType<typeof pino.destination>;

/** @throws Error (Node system error) when the access log's file cannot be opened */
export function openLogs(settings: Pick<Settings, 'accessLog' | 'logLevel' | 'logFormat'>, clock: Clock): Logs {
  const { accessLog: wanted, logLevel, logFormat } = settings;
  const standardError: DestinationStream = logFormat === 'pretty' ? prettyStream() : jsonStream();
  const log: Log = pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    standardError,
  );
  if (wanted.kind === 'off') return { log, accessLog: undefined, reopen: () => undefined, flush: () => undefined };
  // Whether it can be written to is known now, not at the first request.
  if (wanted.path !== '-') closeSync(openSync(wanted.path, 'a'));
  const target: Destination = pino.destination({ dest: wanted.path === '-' ? 1 : wanted.path, sync: false, mkdir: false });
  // A reader that went away (`fcgi-lb | head`) must not end the program.
  target.on('error', (error: Error) => log.error({ error: error.message, file: wanted.path }, 'cannot write the access log'));
  return {
    log,
    accessLog: createAccessLog(logFormat, clock, (line) => void target.write(line)),
    reopen: () => {
      if (wanted.path !== '-') target.reopen();
    },
    flush: () => {
      try {
        target.flushSync();
      } catch (error) {
        log.error({ error: String(error), file: wanted.path }, 'cannot write the access log');
      }
    },
  };
}

/** Lines of the program's log as pino makes them. Their messages quote what workers sent. */
function jsonStream(): DestinationStream {
  const standardError = pino.destination({ dest: 2, sync: true });
  return { write: (line) => void standardError.write(escapeJson(line)) };
}

/** Lines of the program's log in a form for eyes. */
function prettyStream(): DestinationStream {
  return {
    write: (line) => {
      const { level, time, msg, ...fields } = JSON.parse(line) as LogFields & { level: string; time: string; msg: string };
      const rest = Object.entries(fields).map(
        ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      process.stderr.write(`${time} ${level.toUpperCase().padEnd(5)} ${escapeControls(`${msg}${rest.join('')}`)}\n`);
    },
  };
}
