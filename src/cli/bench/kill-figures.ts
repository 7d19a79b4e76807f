import { median, medianOf } from './median.ts';

/** How a cluster took the death of one node in the middle of a phase. Pure. */
export interface KillFigures {
  /** Right answers a second in the second half of the time before. */
  readonly perSecondBefore: number;
  /** The fewest in any half second after. */
  readonly perSecondLowest: number;
  /** When, after the worst, a half second began that had 90 % of before; `undefined` if never. */
  readonly recoveredAfterMs: number | undefined;
  readonly p99MsBefore: number;
  /** Of calls that were made 2 s after or later. */
  readonly p99MsAfter: number;
}

const tenthMs = 100;
const windowTenths = 5;
const recoveredPart = 0.9;

/**
 * Works out how throughput went.
 *
 * @param perTenth right answers in each tenth of a second.
 * @param durationMs of the phase; the node was killed half-way.
 */
export function killThroughput(
  perTenth: readonly number[],
  durationMs: number,
): Omit<KillFigures, 'p99MsBefore' | 'p99MsAfter'> {
  const killedAt = Math.floor(durationMs / 2 / tenthMs);
  const end = Math.floor(durationMs / tenthMs);
  const rateOf = (from: number, to: number) => {
    let sum = 0;
    for (let tenth = from; tenth < to; tenth++) sum += perTenth[tenth] ?? 0;
    return (sum * 1_000) / ((to - from) * tenthMs);
  };
  const perSecondBefore = rateOf(Math.floor(killedAt / 2), killedAt);
  const windows = Array.from({ length: Math.max(0, end - killedAt - windowTenths) }, (_none, at) =>
    rateOf(killedAt + 1 + at, killedAt + 1 + at + windowTenths),
  );
  const perSecondLowest = Math.min(...windows);
  const lowestAt = windows.indexOf(perSecondLowest);
  const recoveredAt = windows.findIndex(
    (rate, at) => at >= lowestAt && rate >= perSecondBefore * recoveredPart,
  );
  return {
    perSecondBefore,
    perSecondLowest,
    recoveredAfterMs: recoveredAt === -1 ? undefined : (recoveredAt + 1) * tenthMs,
  };
}

/** Medians over the rounds; a round that never recovered makes that `undefined`. */
export function medianKill(kills: readonly KillFigures[]): KillFigures | undefined {
  if (kills.length === 0) return undefined;
  const of = (figure: (kill: KillFigures) => number) => median(kills.map(figure));
  return {
    perSecondBefore: of(({ perSecondBefore }) => perSecondBefore),
    perSecondLowest: of(({ perSecondLowest }) => perSecondLowest),
    recoveredAfterMs: kills.some(({ recoveredAfterMs }) => recoveredAfterMs === undefined)
      ? undefined
      : medianOf(kills.map(({ recoveredAfterMs }) => recoveredAfterMs)),
    p99MsBefore: of(({ p99MsBefore }) => p99MsBefore),
    p99MsAfter: of(({ p99MsAfter }) => p99MsAfter),
  };
}
