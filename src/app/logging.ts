// Opens the two logs: the program's own on standard error, and the access log where the operator
// wants it.

import { isDeepStrictEqual } from 'node:util';
import pino, { type DestinationStream } from 'pino';
import type { Settings } from '../config/settings.ts';
import { atMost, type Clock } from '../core/clock.ts';
import { escapeControls, escapeJson } from '../core/escape.ts';
import type { Log, LogFields } from '../core/log.ts';
import type { AccessLog } from '../http/access-log/access-log.ts';
import { LogDrops } from '../log/drops.ts';
import { LineWriter } from '../log/line-writer.ts';
import { standardOutput } from '../log/output.ts';
import { type AccessLogFile, NO_ACCESS_LOG, openAccessLog } from './access-log-target.ts';

type LogSettings = Pick<Settings, 'accessLog' | 'accessLogFormat' | 'logLevel' | 'logFormat'>;

/** Characters of the program's own log that may wait for standard error. */
const OWN_LIMIT = 1024 ** 2;
/** ms that the last lines of both logs may take when the program ends. */
const LAST_LINES = 1000;

/**
 * Logs that are ready to take the place of the present ones. Exactly one of the two must be called.
 */
export interface LogChange {
  commit(): void;
  rollback(): void;
}

export interface Logs {
  readonly log: Log;
  /** The one that is written to now. */
  readonly accessLog: AccessLog | undefined;
  /** Lines of the access log that were lost since the start of the program. */
  readonly accessLogDrops: { readonly count: number };
  /** Opens the access log's file anew, after it has been moved away. */
  reopen(): void;
  /** Resolves when all that is still in memory is out, or cannot be got rid of in a second. */
  flush(): Promise<void>;
  /**
   * Gets ready for other settings.
   * @throws Error (Node system error) when the access log's file cannot be opened
   */
  prepare(settings: LogSettings): LogChange;
}

/** @throws Error (Node system error) when the access log's file cannot be opened */
export function openLogs(settings: LogSettings, clock: Clock): Logs {
  const { logFormat } = settings;
  const own = new OwnOutput(clock);
  const log = pino(
    {
      level: settings.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    logFormat === 'pretty' ? prettyStream(own) : jsonStream(own),
  );
  own.reportsDrops(log);
  const drops = new LogDrops('the access log', log, clock);
  const open = (wanted: LogSettings): AccessLogFile => {
    const format = wanted.accessLogFormat ?? wanted.logFormat;
    return wanted.accessLog.kind === 'off' ? NO_ACCESS_LOG : openAccessLog(wanted.accessLog, format, { clock, log, drops });
  };
  let present = settings;
  let target = open(settings);
  return {
    log,
    get accessLog() {
      return target.write;
    },
    accessLogDrops: drops,
    reopen: () => target.reopen(),
    flush: () => atMost(LAST_LINES, Promise.all([target.idle(), own.idle()])),
    prepare: (next) => {
      const wasFormat = present.accessLogFormat ?? present.logFormat;
      const same = isDeepStrictEqual(next.accessLog, present.accessLog) && (next.accessLogFormat ?? next.logFormat) === wasFormat;
      const opened = same ? target : open(next);
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

/**
 * Standard error, without ever waiting for its reader. Lines that are lost are reported later.
 */
class OwnOutput {
  readonly #writer: LineWriter;
  #log: Log | undefined;
  #dropped = 0;

  constructor(clock: Clock) {
    this.#writer = new LineWriter(standardOutput(2), OWN_LIMIT, clock, {
      // There is nowhere left to say it.
      failed: () => undefined,
      dropped: (lines) => {
        this.#dropped += lines;
      },
      drained: () => this.#report(),
    });
  }

  reportsDrops(log: Log): void {
    this.#log = log;
  }

  write(line: string): void {
    this.#writer.write(line);
  }

  idle(): Promise<void> {
    return this.#writer.idle();
  }

  #report(): void {
    const dropped = this.#dropped;
    if (dropped === 0) return;
    this.#dropped = 0;
    this.#log?.warn({ dropped }, 'lines of this log were lost: what reads standard error did not keep up');
  }
}

/** Lines of the program's log as pino makes them. Their messages quote what workers sent. */
function jsonStream(output: OwnOutput): DestinationStream {
  return { write: (line) => output.write(escapeJson(line)) };
}

/** Lines of the program's log in a form for eyes. */
function prettyStream(output: OwnOutput): DestinationStream {
  return {
    write: (line) => {
      const { level, time, msg, ...fields } = JSON.parse(line) as LogFields & { level: string; time: string; msg: string };
      const rest = Object.entries(fields).map(
        ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      output.write(`${time} ${level.toUpperCase().padEnd(5)} ${escapeControls(`${msg}${rest.join('')}`)}\n`);
    },
  };
}
