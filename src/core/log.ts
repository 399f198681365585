// The narrow port through which every room writes to the program's log.

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

const nothing = (): void => undefined;

/** A log that keeps nothing: for tests and for parts used without a program around them. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
