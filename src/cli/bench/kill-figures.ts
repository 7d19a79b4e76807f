import { median } from './median.ts';

/** How a cluster took the death of one node in the middle of a phase. Pure. */
export interface KillFigures {
  /** Right answers a second in the second half of the time before. */
  readonly perSecondBefore: number;
  /** The fewest in any half second after. */
  readonly perSecondLowest: number;
  /**
   * When, after the first half second with less, one began that had 90 % of before again; 0 if none
   * had less, `undefined` if none had it again.
   */
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
  const isWell = (rate: number) => rate >= perSecondBefore * recoveredPart;
  const fellAt = windows.findIndex((rate) => !isWell(rate));
  const recoveredAt = windows.findIndex((rate, at) => at > fellAt && isWell(rate));
  return {
    perSecondBefore,
    perSecondLowest: Math.min(...windows),
    recoveredAfterMs: recoveredMs(fellAt, recoveredAt),
  };
}

function recoveredMs(fellAt: number, recoveredAt: number): number | undefined {
  if (fellAt === -1) return 0;
  return recoveredAt === -1 ? undefined : (recoveredAt + 1) * tenthMs;
}

/** Medians over the rounds. */
export function medianKill(kills: readonly KillFigures[]): KillFigures | undefined {
  if (kills.length === 0) return undefined;
  const of = (figure: (kill: KillFigures) => number) => median(kills.map(figure));
  const never = Number.POSITIVE_INFINITY;
  const recoveredAfterMs = of((kill) => kill.recoveredAfterMs ?? never);
  return {
    perSecondBefore: of(({ perSecondBefore }) => perSecondBefore),
    perSecondLowest: of(({ perSecondLowest }) => perSecondLowest),
    recoveredAfterMs: Number.isFinite(recoveredAfterMs) ? recoveredAfterMs : undefined,
    p99MsBefore: of(({ p99MsBefore }) => p99MsBefore),
    p99MsAfter: of(({ p99MsAfter }) => p99MsAfter),
  };
}
