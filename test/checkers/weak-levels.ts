import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import { describeCall } from './call-lines.ts';
import type { Call } from './history.ts';
import { compareWithNewest, isBehind } from './version-order.ts';

/**
 * What a history shows that one register would not, by pairs of calls of which the first had ended
 * before the second began, and which of it the levels of the two admit (docs/consistency.md).
 *
 * - staleRead: a get shows an older version than a write that was acknowledged before.
 * - wentBack: a get shows an older version than another get before, whose write was acknowledged.
 * - flicker: the same while that write was in flight, or if its outcome is uncertain.
 * - lostUpdate: a write that was acknowledged got an older version than was seen or made before, so
 *   it is as if it had never been.
 */
export interface Anomaly {
  readonly name: 'staleRead' | 'wentBack' | 'flicker' | 'lostUpdate';
  readonly earlier: Call;
  readonly later: Call;
}

export interface WeakLevelOptions {
  /** Whether a disk was lost, and with it what only it had acknowledged at ONE. */
  readonly isDiskLost?: boolean;
}

/** Each call of one key with the newest that it should know, of every kind and level. */
export function anomaliesIn(calls: readonly Call[]): Anomaly[] {
  const endsMs = new Map(
    calls.flatMap(({ kind, outcome, version, endMs }) =>
      kind !== 'get' && outcome === 'ok' && endMs !== undefined ? [[version, endMs]] : [],
    ),
  );
  const nameOf = (earlier: Call, later: Call): Anomaly['name'] => {
    if (later.kind !== 'get') return 'lostUpdate';
    if (earlier.kind !== 'get') return 'staleRead';
    const endMs = endsMs.get(earlier.version) ?? Number.POSITIVE_INFINITY;
    return endMs < later.startMs ? 'wentBack' : 'flicker';
  };
  return compareWithNewest(calls, 'each class', (later, earlier) =>
    isBehind(later, earlier) ? { name: nameOf(earlier, later), earlier, later } : [],
  );
}

/**
 * Whether the levels admit it. QUORUM and ALL admit nothing among themselves. A write at ALL is
 * shown to every get, and every write that was acknowledged to a get at ALL. All else may happen
 * until the replicas agree.
 */
export function isAdmitted(
  { name, earlier, later }: Anomaly,
  { isDiskLost = false }: WeakLevelOptions = {},
): boolean {
  const isStrong = isLinearizable(earlier.level);
  if (isStrong && isLinearizable(later.level)) return false;
  if (name !== 'staleRead') return true;
  if (earlier.level === 'ALL') return false;
  return later.level !== 'ALL' || (isDiskLost && earlier.level === 'ONE');
}

/** A sentence for each anomaly of one key that is not admitted and has to do with a weak level. */
export function brokenWeakPromisesIn(calls: readonly Call[], options?: WeakLevelOptions): string[] {
  return anomaliesIn(calls)
    .filter(({ earlier, later }) => [earlier, later].some(({ level }) => !isLinearizable(level)))
    .filter((anomaly) => !isAdmitted(anomaly, options))
    .map(
      ({ name, earlier, later }) =>
        `${name}: ${describeCall(later)} after ${describeCall(earlier)}`,
    );
}
