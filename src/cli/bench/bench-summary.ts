import type { BenchPhase } from './bench-plan.ts';
import { type KillFigures, medianKill } from './kill-figures.ts';
import { median, medianOf } from './median.ts';

/** What the samples of a benchmark add up to: medians over the rounds. Pure. */

/** What a phase gave. Times that nobody measured are `undefined`, percentiles of no calls NaN. */
export interface PhaseSample {
  /** Of an open loop. */
  readonly perSecondAsked: number | undefined;
  /** Right answers. */
  readonly answers: number;
  readonly wrong: number;
  /** Calls that failed, by the code of the error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly unsent: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Of calls that were refused for overload. */
  readonly refusalP99Ms: number;
  /** Processor time of the load threads, and of all nodes that were called. */
  readonly clientCpuMs: number;
  readonly nodeCpuMs: number | undefined;
  /** Memory of the node that has most of it; see NodeUsage. */
  readonly nodeBytesMax: number | undefined;
  readonly nodeOwnBytes: number | undefined;
  readonly kill: KillFigures | undefined;
}

/** One row of the result. */
export interface BenchResult {
  readonly operation: string;
  /** One of these two. */
  readonly inFlight: number | undefined;
  readonly perSecondAsked: number | undefined;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Throughput as a part of the echo's in the same round, if that was measured; 1 for the echo. */
  readonly ratioToEcho: number | undefined;
  /** The same of the slowest hundredth. */
  readonly p99RatioToEcho: number | undefined;
  /** Of an open loop: as a part of what closed loops did at most in the same round. */
  readonly ratioToClosed: number | undefined;
  /** As a part of the same in memory, in the same round; only for what is on disk. */
  readonly ratioToMemory: number | undefined;
  /** Processor time a call. */
  readonly clientCpuMicros: number;
  readonly nodeCpuMicros: number | undefined;
  readonly nodeMebibytesMax: number | undefined;
  readonly nodeOwnMebibytes: number | undefined;
  /** Calls that failed, in all rounds together; of these, those refused for overload. */
  readonly errors: number;
  readonly errorsByCode: Readonly<Record<string, number>>;
  readonly refusalP99Ms: number | undefined;
  /** Wrong answers, and calls of an open loop that it never came to, in all rounds together. */
  readonly wrong: number;
  readonly unsent: number;
  readonly kill: KillFigures | undefined;
}

/** Sums up the samples of the plan's phases, given in the same order; there may be fewer. */
export function summarizeBench(
  phases: readonly BenchPhase[],
  samples: readonly PhaseSample[],
): readonly BenchResult[] {
  const measured = samples.flatMap((sample, index) => {
    const phase = phases[index];
    return phase === undefined ? [] : [{ phase, sample }];
  });
  return measured
    .filter(({ phase }) => phase.round === 1)
    .map(({ phase }) => {
      const same = measured.filter(
        ({ phase: { operation, intensity } }) =>
          operation === phase.operation && intensity === phase.intensity,
      );
      return summarize(same, measured);
    });
}

interface Measured {
  readonly phase: BenchPhase;
  readonly sample: PhaseSample;
}

function summarize(same: readonly Measured[], all: readonly Measured[]): BenchResult {
  const samples = same.map(({ sample }) => sample);
  const of = (figure: (sample: PhaseSample) => number | undefined) => medianOf(samples.map(figure));
  const sum = (figure: (sample: PhaseSample) => number) =>
    samples.reduce((total, sample) => total + figure(sample), 0);
  const errorsByCode = sumByCode(samples);
  const phase = same[0]?.phase;
  const ratio = (figure: (sample: PhaseSample) => number, to: (phase: BenchPhase) => boolean) =>
    medianOf(same.map((one) => ratioWithin(one, all, figure, to)));
  return {
    operation: phase?.operation.name ?? '',
    inFlight: phase?.intensity.kind === 'closed' ? phase.intensity.inFlight : undefined,
    perSecondAsked: of(({ perSecondAsked }) => perSecondAsked),
    callsPerSecond: median(samples.map(callsPerSecond)),
    p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
    p999Ms: median(samples.map(({ p999Ms }) => p999Ms)),
    ratioToEcho: ratio(callsPerSecond, isEcho),
    p99RatioToEcho: ratio(({ p99Ms }) => p99Ms, isEcho),
    ratioToClosed: medianOf(same.map((one) => ratioToClosed(one, all))),
    ratioToMemory: phase && ratio(callsPerSecond, (other) => isInMemoryOf(phase, other)),
    clientCpuMicros: median(samples.map((one) => (one.clientCpuMs * 1_000) / one.answers)),
    nodeCpuMicros: of(({ nodeCpuMs, answers }) => nodeCpuMs && (nodeCpuMs * 1_000) / answers),
    nodeMebibytesMax: of(({ nodeBytesMax }) => nodeBytesMax && nodeBytesMax / 2 ** 20),
    nodeOwnMebibytes: of(({ nodeOwnBytes }) => nodeOwnBytes && nodeOwnBytes / 2 ** 20),
    errors: Object.values(errorsByCode).reduce((total, count) => total + count, 0),
    errorsByCode,
    refusalP99Ms: of(({ refusalP99Ms }) => refusalP99Ms),
    wrong: sum(({ wrong }) => wrong),
    unsent: sum(({ unsent }) => unsent),
    kill: medianKill(samples.flatMap(({ kill }) => (kill === undefined ? [] : [kill]))),
  };
}

/** How many calls a second closed loops did at most before a phase, in its round; 0 without any. */
export function closedPeak(
  phases: readonly BenchPhase[],
  samples: readonly PhaseSample[],
  { round, operation }: BenchPhase,
): number {
  const rates = samples.map((sample, index) => {
    const phase = phases[index];
    const isOne = phase?.intensity.kind === 'closed' && phase.round === round;
    return isOne && phase.operation === operation ? callsPerSecond(sample) : 0;
  });
  return Math.max(0, ...rates);
}

function ratioToClosed({ phase, sample }: Measured, all: readonly Measured[]): number | undefined {
  if (sample.perSecondAsked === undefined) return undefined;
  const [phases, samples] = [all.map((one) => one.phase), all.map((one) => one.sample)];
  const peak = closedPeak(phases, samples, phase);
  return peak === 0 ? undefined : callsPerSecond(sample) / peak;
}

/** A figure as a part of the same of the phase in the same round that is the yardstick. */
function ratioWithin(
  { phase, sample }: Measured,
  all: readonly Measured[],
  figure: (sample: PhaseSample) => number,
  isYardstick: (phase: BenchPhase) => boolean,
): number | undefined {
  const yardstick = all.find(
    ({ phase: other }) =>
      other.round === phase.round && other.intensity === phase.intensity && isYardstick(other),
  );
  return yardstick && figure(sample) / figure(yardstick.sample);
}

function isEcho({ operation }: BenchPhase): boolean {
  return operation.kind === 'echo';
}

/** Whether the other is the same in memory as one on disk. */
function isInMemoryOf({ operation }: BenchPhase, { operation: other }: BenchPhase): boolean {
  return (
    operation.kind === 'cluster' &&
    other.kind === 'cluster' &&
    operation.place === 'disk' &&
    other.place === 'memory' &&
    operation.level === other.level &&
    operation.readShare === other.readShare
  );
}

/** Right answers a second. */
export function callsPerSecond({ answers, elapsedMs }: PhaseSample): number {
  return elapsedMs === 0 ? Number.NaN : (answers * 1_000) / elapsedMs;
}

function sumByCode(samples: readonly PhaseSample[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [code, count] of samples.flatMap(({ errors }) => Object.entries(errors))) {
    sums[code] = (sums[code] ?? 0) + count;
  }
  return sums;
}
