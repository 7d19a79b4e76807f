import { median, medianOf } from '../src/cli/bench/median.ts';
import { type SubjectName, subjectNames } from './compare-subjects.ts';

/** What a comparison measures, in which order, and what it comes to. Pure. */

export const tools = ['h2load', 'grpc-js', 'typed client'] as const;

/** What makes the load. */
export type Tool = (typeof tools)[number];

export interface ComparePhase {
  readonly tool: Tool;
  /** On each connection. */
  readonly inFlight: number;
  readonly subject: SubjectName;
}

/** What one phase of one run gave. */
export interface CompareSample {
  readonly callsPerSecond: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Processor time of all processes of the subject, for each call. */
  readonly serverMicros: number | undefined;
  readonly failed: number;
}

/** A row of the result: medians over the runs. */
export interface CompareRow extends ComparePhase, Omit<CompareSample, 'failed'> {
  readonly failed: number;
  /** Throughput in each run. */
  readonly runs: readonly number[];
  /** Why it was not measured, if it was not. */
  readonly absent: string | undefined;
}

export interface CompareRatio {
  readonly tool: Tool;
  readonly inFlight: number;
  readonly subject: SubjectName;
  /** By the same tool with as many in flight; of the typed client, by another, which is named. */
  readonly yardstick: string;
  /** The median of the ratios within each run; `undefined` if one side was not measured. */
  readonly ratio: number | undefined;
}

/** How many calls the typed client has open; the others have theirs on each connection. */
const typedInFlight = 1_024;

/** One run: each number in flight, each tool, the subjects one right after the other. */
export function planCompare(
  inFlights: readonly number[],
  chosen: readonly Tool[],
): readonly ComparePhase[] {
  const unary = inFlights.flatMap((inFlight) =>
    chosen
      .filter((tool) => tool !== 'typed client')
      .flatMap((tool) => subjectNames.map((subject) => ({ tool, inFlight, subject }))),
  );
  const typed = chosen
    .filter((tool) => tool === 'typed client')
    .flatMap((tool) =>
      subjectNames
        .filter((subject) => subject.startsWith('quorate'))
        .map((subject) => ({ tool, inFlight: typedInFlight, subject })),
    );
  return [...unary, ...typed];
}

/** Sums up runs, each with the samples of the plan's phases in their order. */
export function rowsOf(
  phases: readonly ComparePhase[],
  runs: readonly (readonly (CompareSample | string)[])[],
): readonly CompareRow[] {
  return phases.map((phase, index) => {
    const all = runs.flatMap((run) => run[index] ?? []);
    const samples = all.filter((sample) => typeof sample !== 'string');
    return {
      ...phase,
      callsPerSecond: median(samples.map(({ callsPerSecond }) => callsPerSecond)),
      p50Ms: medianOf(samples.map(({ p50Ms }) => p50Ms)),
      p99Ms: medianOf(samples.map(({ p99Ms }) => p99Ms)),
      serverMicros: medianOf(samples.map(({ serverMicros }) => serverMicros)),
      failed: samples.reduce((sum, { failed }) => sum + failed, 0),
      runs: samples.map(({ callsPerSecond }) => Math.round(callsPerSecond)),
      absent:
        all.find((sample) => typeof sample === 'string') ??
        (samples.length === 0 ? 'interrupted' : undefined),
    };
  });
}

const yardsticks: Readonly<Partial<Record<SubjectName, SubjectName>>> = {
  'quorate put QUORUM': 'etcd put',
  'quorate get QUORUM': 'etcd get',
  'quorate get ONE': 'echo',
};

/** Each of ours by its yardstick: with the same tool, or for the typed client with the last one. */
export function ratiosOf(rows: readonly CompareRow[]): readonly CompareRatio[] {
  return rows.flatMap((row) => {
    const yardstick = yardsticks[row.subject];
    if (yardstick === undefined) return [];
    const others = rows.filter(
      ({ subject, tool, inFlight }) =>
        subject === yardstick &&
        (row.tool === 'typed client' || (tool === row.tool && inFlight === row.inFlight)),
    );
    // With h2load, if it is there, and most in flight.
    const other = others.findLast(({ tool }) => tool === 'h2load') ?? others.at(-1);
    const ratios = row.runs.map((calls, run) => calls / (other?.runs[run] ?? Number.NaN));
    const { tool, inFlight, subject } = row;
    const from = other && other.tool !== tool ? ` (${other.tool}, ${other.inFlight})` : '';
    return [{ tool, inFlight, subject, yardstick: `${yardstick}${from}`, ratio: medianOf(ratios) }];
  });
}
