import type { ConsistencyLevel } from '../../config/choices.ts';

/**
 * What a benchmark run measures, and in which order. Pure.
 *
 * Machines drift: a figure from now and one from a minute ago cannot be divided. So every round
 * measures the bare echo and each operation one after the other, and ratios are taken within a
 * round.
 */

/** Where the cluster is that an operation goes to: an own one, or one that runs already. */
export type BenchPlace = 'memory' | 'disk' | 'running';

export type BenchOperation =
  | { readonly kind: 'echo'; readonly name: string }
  | {
      readonly kind: 'cluster';
      /** Such as `get QUORUM`, `put ONE, on disk` or `80% get QUORUM`. */
      readonly name: string;
      readonly level: ConsistencyLevel;
      /** What part of the calls reads; the others write. */
      readonly readShare: number;
      readonly place: BenchPlace;
    };

export interface BenchScope {
  readonly levels: readonly ConsistencyLevel[];
  /** With it, gets and puts are mixed; `undefined` measures them apart. */
  readonly readShare: number | undefined;
  readonly places: readonly BenchPlace[];
  /** Whether the bare echo is measured too. */
  readonly echo: boolean;
}

/** The yardstick if it is wanted, then all operations; those on disk each right after the same in memory. */
export function benchOperations({ levels, readShare, places, echo }: BenchScope): BenchOperation[] {
  const shares = readShare === undefined ? [1, 0] : [readShare];
  const operations = shares.flatMap((share) =>
    levels.flatMap((level) =>
      places.map((place) => {
        const name = `${describeShare(share)} ${level}${place === 'disk' ? ', on disk' : ''}`;
        return { kind: 'cluster', name, level, readShare: share, place } as const;
      }),
    ),
  );
  return echo ? [{ kind: 'echo', name: 'echo' }, ...operations] : operations;
}

function describeShare(share: number): string {
  if (share === 1) return 'get';
  return share === 0 ? 'put' : `${Math.round(share * 100)}% get`;
}

/** How hard: callers for each connection, or calls a second. */
export type BenchIntensity = { readonly kind: 'closed'; readonly inFlight: number } | OpenIntensity;

export type OpenIntensity =
  | { readonly kind: 'open'; readonly perSecond: number }
  /** As a part of what closed loops did at most, of the same operation in the same round. */
  | { readonly kind: 'share'; readonly ofClosed: number };

export function describeIntensity(intensity: BenchIntensity): string {
  if (intensity.kind === 'closed') return `${intensity.inFlight} in flight`;
  if (intensity.kind === 'open') return `${intensity.perSecond}/s asked`;
  return `${Math.round(intensity.ofClosed * 100)}% asked`;
}

/** The load of an intensity. @param closedPeak how many calls a second closed loops did at most. */
export function paceOf(intensity: BenchIntensity, closedPeak: number) {
  if (intensity.kind !== 'share') return intensity;
  const perSecond = Math.max(1, Math.round(closedPeak * intensity.ofClosed));
  return { kind: 'open', perSecond } as const;
}

/** One thing to measure for a while. */
export interface BenchPhase {
  readonly round: number;
  readonly operation: BenchOperation;
  readonly intensity: BenchIntensity;
}

/** All phases in order: in each round, per intensity, each operation. */
export function planBench(
  rounds: number,
  intensities: readonly BenchIntensity[],
  operations: readonly BenchOperation[],
): readonly BenchPhase[] {
  const phases: BenchPhase[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const intensity of intensities) {
      for (const operation of operations) phases.push({ round, operation, intensity });
    }
  }
  return phases;
}
