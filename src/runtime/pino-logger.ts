import { pino } from 'pino';
import { formatTime } from './format-time.ts';
import type { LogData, Logger } from './logger.ts';

/**
 * The log of a real node: one JSON object a line with `time`, `level`, `node`, `event` and `data`,
 * or a readable line on a terminal. Values of clients are never logged, keys only at debug; that
 * is the duty of the callers.
 */

/** How much is logged: the level and all that are graver. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

type LogLevel = (typeof logLevels)[number];

/** Where lines go: `process.stderr`, say. */
export interface LogDestination {
  readonly isTTY?: boolean;
  write(line: string): unknown;
}

export interface PinoLoggerOptions {
  readonly node: string;
  /** `info` by default. */
  readonly level?: LogLevel;
}

export class PinoLogger implements Logger {
  readonly #pino: ReturnType<typeof pino>;

  /** @param destination gets whole lines; readable ones if it is a terminal. */
  constructor(destination: LogDestination, { node, level }: PinoLoggerOptions) {
    const write = (line: string) =>
      destination.write(destination.isTTY ? (formatLogLine(line, true) ?? line) : line);
    this.#pino = pino(
      {
        base: { node },
        level: level ?? 'info',
        messageKey: 'event',
        timestamp: () => `,"time":"${formatTime(Date.now())}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write },
    );
  }

  debug(event: string, data?: LogData): void {
    this.#pino.debug({ data }, event);
  }

  info(event: string, data?: LogData): void {
    this.#pino.info({ data }, event);
  }

  warn(event: string, data?: LogData): void {
    this.#pino.warn({ data }, event);
  }

  error(event: string, data?: LogData): void {
    this.#pino.error({ data }, event);
  }
}

const colours: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 };

/**
 * A JSON line for people: time of day, level, event, data. `undefined` if the line is not a line
 * of this log.
 */
export function formatLogLine(line: string, isColoured: boolean): string | undefined {
  const parsed = parseLine(line);
  if (parsed === undefined) return undefined;
  const { time, level, event, data } = parsed;
  const paint = (text: string, code: number) =>
    isColoured ? `\u001b[${code}m${text}\u001b[0m` : text;
  const facts = Object.entries(data ?? {}).map(([name, value]) => `${name}=${quote(value)}`);
  const columns = [
    paint(time.slice(11, 23), 90),
    paint(level.padEnd(5), colours[level] ?? 0),
    event,
    ...(facts.length === 0 ? [] : [paint(facts.join(' '), 90)]),
  ];
  return `${columns.join(' ')}\n`;
}

interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

function parseLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed = JSON.parse(line) as Partial<LogLine>;
    const { time, level, event } = parsed;
    const isLine = [time, level, event].every((part) => typeof part === 'string');
    return isLine ? (parsed as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

function quote(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
