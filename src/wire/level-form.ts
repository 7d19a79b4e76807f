import { Consistency_Level } from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../base/quorate-error.ts';
import {
  type ConsistencyLevel,
  consistencyLevels,
  defaultConsistencyLevel,
} from '../consistency/consistency-level.ts';

/**
 * The level of a request; the default where it is left out.
 *
 * @throws QuorateError INVALID_CONSISTENCY: protobuf lets any number through.
 */
export function levelFromWire(level: number): ConsistencyLevel {
  if (level === Consistency_Level.UNSPECIFIED) return defaultConsistencyLevel;
  const known = consistencyLevels.find((name) => Consistency_Level[name] === level);
  if (known !== undefined) return known;
  throw new QuorateError(
    'INVALID_CONSISTENCY',
    { field: 'consistency', mayHaveApplied: false },
    `consistency ${level} is unknown: use ${consistencyLevels.join(', ')}`,
  );
}

export function levelToWire(level: ConsistencyLevel): Consistency_Level {
  return Consistency_Level[level];
}
