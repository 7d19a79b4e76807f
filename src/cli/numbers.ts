import { QuorateError } from '../base/quorate-error.ts';
import { parsePort } from '../config/replicas-file.ts';

/** Readers of the numbers on a command line. All throw QuorateError CONFIGURATION. */

/** A number, also a decimal one. `what` is the flag or argument, for the sentence. */
export function readNumber(given: string, what: string, min: number, max: number): number {
  const number = /^\d{1,9}(\.\d{1,9})?$/.test(given) ? Number(given) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw refused(`${what} ${given} is not a number from ${min} to ${max}: give one`);
}

/** A whole number. */
export function readWhole(given: string, what: string, min: number, max: number): number {
  if (/^\d{1,9}$/.test(given)) return readNumber(given, what, min, max);
  throw refused(`${what} ${given} is not a whole number from ${min} to ${max}: give one`);
}

/** A port to listen on. */
export function readPort(given: string): number {
  const port = parsePort(given);
  if (port !== undefined) return port;
  throw refused(`"${given}" is not a port: use a number from 1 to 65535`);
}

function refused(message: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, message);
}
