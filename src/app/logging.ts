// Opens the two logs: the program's own on standard error, and one line a request wherever the operator wants it.

import { closeSync, openSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import pino, { type DestinationStream } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { escapeControls, escapeJson } from '../core/escape.ts';
import type { Log, LogFields } from '../core/log.ts';
import { type AccessLog, createAccessLog } from '../http/access-log.ts';

type LogSettings = Pick<Settings, 'accessLog' | 'logLevel' | 'logFormat'>;

/** Logs that are ready to take the place of the present ones. Exactly one of the two must be called. */
export interface LogChange {
  commit(): void;
  rollback(): void;
}

export interface Logs {
  readonly log: Log;
  /** The one that is written to now. */
  readonly accessLog: AccessLog | undefined;
  /** Opens the access log's file anew, after it has been moved away. */
  reopen(): void;
  /** Writes out what is still in memory. */
  flush(): void;
  /**
   * Gets ready for other settings.
   * @throws Error (Node system error) when the access log's file cannot be opened
   */
  prepare(settings: LogSettings): LogChange;
}

interface AccessTarget {
  readonly write: AccessLog | undefined;
  reopen(): void;
  flush(): void;
  close(): void;
}

const NO_TARGET: AccessTarget = { write: undefined, reopen: () => undefined, flush: () => undefined, close: () => undefined };

/** @throws Error (Node system error) when the access log's file cannot be opened */
export function openLogs(settings: LogSettings, clock: Clock): Logs {
  const { logFormat } = settings;
  const standardError: DestinationStream = logFormat === 'pretty' ? prettyStream() : jsonStream();
  const log = pino(
    {
      level: settings.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    standardError,
  );
  let present = settings;
  let target = openTarget(settings, clock, log);
  return {
    log,
    get accessLog() {
      return target.write;
    },
    reopen: () => target.reopen(),
    flush: () => target.flush(),
    prepare: (next) => {
      const same = isDeepStrictEqual(next.accessLog, present.accessLog) && next.logFormat === present.logFormat;
      const opened = same ? target : openTarget(next, clock, log);
      return {
        rollback: () => {
          if (!same) opened.close();
        },
        commit: () => {
          const before = target;
          target = opened;
          present = next;
          log.level = next.logLevel;
          if (!same) before.close();
          if (next.logFormat !== logFormat)
            log.warn({ log_format: next.logFormat }, "the program's own log keeps its format until it is restarted");
        },
      };
    },
  };
}

function openTarget({ accessLog: wanted, logFormat }: LogSettings, clock: Clock, log: Log): AccessTarget {
  if (wanted.kind === 'off') return NO_TARGET;
  const file = wanted.path;
  // Whether it can be written to is known now, not at the first request.
  if (file !== '-') closeSync(openSync(file, 'a'));
  const target = pino.destination({ dest: file === '-' ? 1 : file, sync: false, mkdir: false });
  let open = false;
  target.once('ready', () => {
    open = true;
  });
  // A reader that went away (`fcgi-lb | head`) must not end the program.
  target.on('error', (error: Error) => log.error({ error: error.message, file }, 'cannot write the access log'));
  const flush = (): void => {
    try {
      target.flushSync();
    } catch (error) {
      log.error({ error: String(error), file }, 'cannot write the access log');
    }
  };
  return {
    write: createAccessLog(logFormat, clock, (line) => void target.write(line)),
    reopen: () => {
      if (file !== '-') target.reopen();
    },
    flush,
    close: () => {
      // What is not open yet writes what it has when it is, and closes then.
      if (open) flush();
      // Standard output is not ours to close.
      if (file !== '-') target.end();
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
