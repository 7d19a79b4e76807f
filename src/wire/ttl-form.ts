import type { Duration } from '../../generated/google/protobuf/duration.ts';
import { QuorateError } from '../base/quorate-error.ts';
import { durationToWire } from './version-form.ts';

/** How long a value lives, to and from protobuf's Duration. */

/** The longest life of a value that expires: ten years of 365 days. */
export const ttlMsMax = 3_650 * 86_400_000;

const nanosPerSecond = 1_000_000_000;
const nanosPerMs = 1_000_000;

/**
 * A life in whole milliseconds, what is finer rounded up; `undefined` where none is given.
 *
 * @throws QuorateError INVALID_TTL naming the field.
 */
export function ttlFromWire(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const { seconds, nanos } = duration;
  if (nanos < 0 || nanos >= nanosPerSecond) {
    throw invalidTtl(`ttl has ${nanos} nanos: 0 to 999999999 are a part of a second`);
  }
  return checkTtl(Number(seconds) * 1_000 + Math.ceil(nanos / nanosPerMs));
}

/** A life of so many milliseconds. @throws QuorateError INVALID_TTL */
export function ttlToWire(ttlMs: number | undefined): Duration | undefined {
  return ttlMs === undefined ? undefined : durationToWire(checkTtl(Math.ceil(ttlMs)));
}

/** The same life. @throws QuorateError INVALID_TTL */
export function checkTtl(ttlMs: number): number {
  if (ttlMs > 0 && ttlMs <= ttlMsMax) return ttlMs;
  throw invalidTtl(`ttl is ${ttlMs} ms: it may be over 0 and up to 3,650 days`);
}

function invalidTtl(message: string): QuorateError {
  return new QuorateError('INVALID_TTL', { field: 'ttl', mayHaveApplied: false }, message);
}
