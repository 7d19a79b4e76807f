/**
 * What a component says while it runs: one event name in words, with data. Values of clients are
 * never logged, keys only at debug.
 */
export type LogData = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(event: string, data?: LogData): void;
  info(event: string, data?: LogData): void;
  warn(event: string, data?: LogData): void;
  error(event: string, data?: LogData): void;
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
