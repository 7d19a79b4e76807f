import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import { describeCall } from './call-lines.ts';
import type { Call } from './history.ts';

/**
 * The check that is quick enough for any history: since versions are the order of the writes, what
 * QUORUM and ALL see or make is never older than what they had seen or made before. The version of
 * a floor is that of "absent".
 *
 * @returns a sentence for each call of one key that went back in time.
 */
export function backwardsIn(calls: readonly Call[]): string[] {
  const strong = calls.filter(({ level }) => isLinearizable(level));
  return compareWithNewest(strong, 'all', (call, earlier) =>
    isBehind(call, earlier) ? `${describeCall(call)} after ${describeCall(earlier)}` : [],
  );
}

/** Whether a call shows or makes too old a version for one that had ended before it began. */
export function isBehind(later: Call, earlier: Call): boolean {
  if (later.version === earlier.version) return later.kind !== 'get';
  return later.version < earlier.version;
}

/**
 * Goes through the calls that succeeded and told a version, in the order of their beginnings, and
 * compares each with the newest among those that had ended before: of all, or of each kind and level.
 */
export function compareWithNewest<Result>(
  calls: readonly Call[],
  of: 'all' | 'each class',
  compare: (call: Call, earlier: Call) => Result | readonly Result[],
): Result[] {
  const told = calls.filter(isTold);
  const byStart = told.toSorted((left, right) => left.startMs - right.startMs);
  const byEnd = told.toSorted((left, right) => endOf(left) - endOf(right));
  const newest = new Map<string, Call>();
  let ended = 0;
  return byStart.flatMap((call) => {
    for (let other = byEnd[ended]; other && endOf(other) < call.startMs; other = byEnd[++ended]) {
      const name = of === 'all' ? of : `${other.kind} ${other.level}`;
      const before = newest.get(name);
      if (before === undefined || other.version > before.version) newest.set(name, other);
    }
    return [...newest.values()].flatMap((earlier) => compare(call, earlier));
  });
}

/** A get that finds nothing may tell no version: it was never written. */
function isTold({ kind, outcome, endMs, version, text }: Call): boolean {
  if (outcome !== 'ok' || endMs === undefined) return false;
  return version !== '' || (kind === 'get' && text === undefined);
}

function endOf({ endMs = Number.POSITIVE_INFINITY }: Call): number {
  return endMs;
}
