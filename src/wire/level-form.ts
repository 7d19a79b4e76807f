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
  const known = levelsByNumber[level];
  if (known !== undefined) return known;
  throw unknownLevel(level);
}

/** What a request or an option with another level is refused with. */
export function unknownLevel(level: string | number): QuorateError {
  const message = `consistency ${level} is unknown: use ${consistencyLevels.join(', ')}`;
  const details = { field: 'consistency', mayHaveApplied: false };
  return new QuorateError('INVALID_CONSISTENCY', details, message);
}

const levelsByNumber: readonly (ConsistencyLevel | undefined)[] = Array.from(
  { length: Math.max(...consistencyLevels.map((name) => Consistency_Level[name])) + 1 },
  (_, number) =>
    number === Consistency_Level.UNSPECIFIED
      ? defaultConsistencyLevel
      : consistencyLevels.find((name) => Consistency_Level[name] === number),
);

export function levelToWire(level: ConsistencyLevel): Consistency_Level {
  return Consistency_Level[level];
}
