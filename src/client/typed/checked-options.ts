import { QuorateError } from '../../base/quorate-error.ts';
import { type ConsistencyLevel, consistencyLevels } from '../../consistency/consistency-level.ts';
import { unknownLevel } from '../../wire/level-form.ts';
import { timeoutMsMax } from '../call-times.ts';

/** Options that a program without types may have got wrong. */

/** The same level. @throws QuorateError INVALID_CONSISTENCY */
export function checkLevel(level: ConsistencyLevel): ConsistencyLevel {
  if (consistencyLevels.includes(level)) return level;
  throw unknownLevel(level);
}

/** The same time. @throws QuorateError INVALID_ARGUMENT */
export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  const message = `timeoutMs is ${timeoutMs}: it may be over 0 and up to ${timeoutMsMax}`;
  throw new QuorateError(
    'INVALID_ARGUMENT',
    { field: 'timeoutMs', mayHaveApplied: false },
    message,
  );
}
