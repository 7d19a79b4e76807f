/**
 * What a benchmark run measures, in which order, and what its samples add up to. Pure.
 *
 * Machines drift: a figure from now and one from a minute ago cannot be divided. So every round
 * measures the bare echo and each operation one after the other, ratios are taken within a round,
 * and what is reported is the median over the rounds.
 */

/** What is measured of any cluster; `echo` is the yardstick. */
export const benchOperations = ['echo', 'get ONE', 'get QUORUM', 'put ONE', 'put QUORUM'] as const;

/** The operations that are measured on disk too, each right after the same in memory. */
const inMemory = {
  'get QUORUM, on disk': 'get QUORUM',
  'put ONE, on disk': 'put ONE',
  'put QUORUM, on disk': 'put QUORUM',
} as const;

type OperationOnDisk = keyof typeof inMemory;

export type BenchOperation = (typeof benchOperations)[number] | OperationOnDisk;

/** What is measured of own clusters. */
export const ownOperations: readonly BenchOperation[] = benchOperations.flatMap((operation) => [
  operation,
  ...(Object.keys(inMemory) as OperationOnDisk[]).filter((name) => inMemory[name] === operation),
]);

/** The same operation in memory; `undefined` for one that is not on disk. */
function inMemoryOf(operation: BenchOperation): BenchOperation | undefined {
  return operation in inMemory ? inMemory[operation as OperationOnDisk] : undefined;
}

/** One thing to measure for a while. */
export interface BenchPhase {
  readonly round: number;
  readonly operation: BenchOperation;
  readonly inFlight: number;
}

/** What a phase gave. */
export interface PhaseSample {
  readonly calls: number;
  readonly errors: number;
  readonly elapsedMs: number;
  /** How long each call that succeeded took; in any order. */
  readonly latenciesMs: Float64Array;
}

/** One row of the result: medians over the rounds. */
export interface BenchResult {
  readonly operation: BenchOperation;
  readonly inFlight: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Throughput as a part of the echo's in the same round; 1 for the echo. */
  readonly ratioToEcho: number;
  /** As a part of the same in memory, in the same round; only for what is on disk. */
  readonly ratioToMemory: number | undefined;
  /** Calls that failed, in all rounds together. */
  readonly errors: number;
}

/** All phases in order: in each round, per number in flight, each operation. */
export function planBench(
  rounds: number,
  inFlights: readonly number[],
  operations: readonly BenchOperation[],
): readonly BenchPhase[] {
  const phases: BenchPhase[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const inFlight of inFlights) {
      for (const operation of operations) phases.push({ round, operation, inFlight });
    }
  }
  return phases;
}

/** Sums up the samples of {@link planBench}'s phases, given in the same order. */
export function summarizeBench(
  phases: readonly BenchPhase[],
  samples: readonly PhaseSample[],
): readonly BenchResult[] {
  const measured = samples.map((sample, index) => measure(phases, samples, sample, index));
  const results: BenchResult[] = [];
  for (const { round, operation, inFlight } of phases) {
    if (round !== 1) continue;
    const same = measured.filter(
      (_one, index) =>
        phases[index]?.operation === operation && phases[index]?.inFlight === inFlight,
    );
    if (same.length === 0) continue;
    results.push({
      operation,
      inFlight,
      callsPerSecond: median(same.map((one) => one.callsPerSecond)),
      p50Ms: median(same.map((one) => one.p50Ms)),
      p99Ms: median(same.map((one) => one.p99Ms)),
      ratioToEcho: median(same.map((one) => one.ratioToEcho)),
      ratioToMemory: inMemoryOf(operation) && median(same.map((one) => one.ratioToMemory)),
      errors: same.reduce((sum, one) => sum + one.errors, 0),
    });
  }
  return results;
}

function measure(
  phases: readonly BenchPhase[],
  samples: readonly PhaseSample[],
  sample: PhaseSample,
  index: number,
) {
  const phase = phases[index];
  const ratioTo = (yardstick: BenchOperation | undefined) => {
    const other = phases.findIndex(
      ({ operation, round, inFlight }) =>
        operation === yardstick && round === phase?.round && inFlight === phase.inFlight,
    );
    return callsPerSecond(sample) / callsPerSecond(samples[other]);
  };
  const sorted = sample.latenciesMs.toSorted();
  return {
    callsPerSecond: callsPerSecond(sample),
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    ratioToEcho: ratioTo('echo'),
    ratioToMemory: ratioTo(phase && inMemoryOf(phase.operation)),
    errors: sample.errors,
  };
}

/** Calls that succeeded, per second. */
export function callsPerSecond(sample: PhaseSample | undefined): number {
  if (sample === undefined || sample.elapsedMs === 0) return Number.NaN;
  return ((sample.calls - sample.errors) * 1_000) / sample.elapsedMs;
}

/** The nearest-rank percentile of numbers in ascending order; NaN of none. */
export function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

/** The middle of some numbers, or the mean of the two in the middle; NaN of none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
