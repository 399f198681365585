// Opens the access log: a format, and the file, pipe or server that its lines go to.

import type { AccessLogTarget } from '../config/access-log.ts';
import type { Clock } from '../core/clock.ts';
import { asError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type AccessLog, createAccessLog } from '../http/access-log/access-log.ts';
import type { LogDrops } from '../log/drops.ts';
import { LineWriter } from '../log/line-writer.ts';
import { LoggerProgram } from '../log/logger-program.ts';
import { openLogFile, openLogFileLater, standardOutput } from '../log/output.ts';
import { SyslogSender } from '../log/syslog.ts';

/** Characters of the access log that may wait until the file, pipe or server takes them. */
const LIMIT = 4 * 1024 ** 2;

/** An access log that is open. */
export interface AccessLogFile {
  readonly write: AccessLog | undefined;
  reopen(): void;
  /** Resolves when nothing is in memory any more. */
  idle(): Promise<void>;
  close(): void;
}

export const NO_ACCESS_LOG: AccessLogFile = {
  write: undefined,
  reopen: () => undefined,
  idle: () => Promise.resolve(),
  close: () => undefined,
};

interface Deps {
  readonly clock: Clock;
  readonly log: Log;
  readonly drops: LogDrops;
}

/**
 * Whether it can be written to is known now, not at the first request.
 * @throws Error (Node system error) when the file cannot be opened
 */
export function openAccessLog(
  target: Exclude<AccessLogTarget, { readonly kind: 'off' }>,
  format: string,
  { clock, log, drops }: Deps,
): AccessLogFile {
  const events = {
    failed: (error: Error) => drops.failed(error),
    dropped: (lines: number, why?: Error) => drops.dropped(lines, why),
    drained: () => drops.recovered(),
  };
  if (target.kind === 'syslog') {
    const { server } = target;
    const sender =
      server.kind === 'udp'
        ? new SyslogSender(target, server, LIMIT, clock, events)
        : new LoggerProgram(target, server.path, LIMIT, clock, events);
    return {
      write: createAccessLog(format, clock, (line) => sender.write(line)),
      reopen: () => undefined,
      idle: () => sender.idle(),
      close: () => sender.close(),
    };
  }
  const { path } = target;
  const writer = new LineWriter(path === '-' ? standardOutput(1) : openLogFile(path), LIMIT, clock, events);
  return {
    write: createAccessLog(format, clock, (line) => writer.write(line)),
    reopen: () => {
      if (path === '-') return;
      openLogFileLater(path, (error, output) => {
        if (output !== undefined) writer.replace(output);
        else log.error({ error: asError(error).message, file: path }, 'cannot open the access log anew; the old one goes on');
      });
    },
    idle: () => writer.idle(),
    close: () => writer.close(),
  };
}
