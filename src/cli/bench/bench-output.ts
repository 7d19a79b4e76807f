import type { Clock } from '../../runtime/clock.ts';
import { formatCount, ProgressLine, type ProgressStream } from '../progress-line.ts';
import { formatTable } from '../table.ts';
import { type BenchPhase, describeIntensity } from './bench-plan.ts';
import { type BenchResult, callsPerSecond, type PhaseSample } from './bench-summary.ts';

/** What a benchmark shows: a line of progress while it runs, its result as a table. */

interface Column {
  readonly head: string;
  readonly cell: (result: BenchResult) => string;
  /** Columns with nothing in any row are left out, these at the least. */
  readonly isOptional?: true;
}

const columns: readonly Column[] = [
  { head: 'in flight', cell: ({ inFlight }) => text(inFlight, formatCount), isOptional: true },
  {
    head: 'asked/s',
    cell: ({ perSecondAsked }) => text(perSecondAsked, formatCount),
    isOptional: true,
  },
  { head: 'operation', cell: ({ operation }) => operation },
  { head: 'calls/s', cell: (result) => text(result.callsPerSecond, formatCount) },
  { head: 'p50 ms', cell: ({ p50Ms }) => text(p50Ms, twoDigits) },
  { head: 'p99 ms', cell: ({ p99Ms }) => text(p99Ms, twoDigits) },
  {
    head: 'of echo',
    cell: ({ ratioToEcho }) => text(ratioToEcho, twoDigits),
    isOptional: true,
  },
  {
    head: 'p99 of echo',
    // Callers that wait for each other say little about the wait of others.
    cell: (result) => (result.inFlight === undefined ? text(result.p99RatioToEcho, twoDigits) : ''),
    isOptional: true,
  },
  {
    head: 'of closed',
    cell: ({ ratioToClosed }) => text(ratioToClosed, twoDigits),
    isOptional: true,
  },
  {
    head: 'of memory',
    cell: ({ ratioToMemory }) => text(ratioToMemory, twoDigits),
    isOptional: true,
  },
  {
    head: 'node µs/call',
    cell: ({ nodeCpuMicros }) => text(nodeCpuMicros, formatCount),
    isOptional: true,
  },
  { head: 'client µs/call', cell: (result) => text(result.clientCpuMicros, formatCount) },
  {
    head: 'node MiB',
    cell: ({ nodeMebibytesMax }) => text(nodeMebibytesMax, formatCount),
    isOptional: true,
  },
  { head: 'errors', cell: ({ errors }) => String(errors) },
  {
    head: 'refused p99',
    cell: ({ refusalP99Ms }) => text(refusalP99Ms, twoDigits),
    isOptional: true,
  },
  { head: 'by code', cell: ({ errorsByCode }) => formatCodes(errorsByCode), isOptional: true },
  { head: 'wrong', cell: ({ wrong }) => String(wrong || ''), isOptional: true },
  { head: 'unsent', cell: ({ unsent }) => String(unsent || ''), isOptional: true },
  {
    head: 'before kill',
    cell: ({ kill }) => text(kill?.perSecondBefore, formatCount),
    isOptional: true,
  },
  {
    head: 'lowest',
    cell: ({ kill }) => text(kill?.perSecondLowest, formatCount),
    isOptional: true,
  },
  {
    head: '90 % after ms',
    cell: ({ kill }) => (kill && text(kill.recoveredAfterMs ?? Number.NaN, formatCount)) ?? '',
    isOptional: true,
  },
  {
    head: 'p99 before',
    cell: ({ kill }) => text(kill?.p99MsBefore, twoDigits),
    isOptional: true,
  },
  { head: 'p99 after', cell: ({ kill }) => text(kill?.p99MsAfter, twoDigits), isOptional: true },
];

/** The result for people: one block of rows for each number in flight. */
export function formatBenchTable(results: readonly BenchResult[]): string {
  const cells = columns
    .map(({ head, cell, isOptional }) => ({ head, isOptional, cells: results.map(cell) }))
    .filter((column) => !column.isOptional || column.cells.some((each) => each !== ''))
    .map((column) => {
      const width = Math.max(...[column.head, ...column.cells].map(({ length }) => length));
      const align = (word: string) => (column.head === 'operation' ? word : word.padStart(width));
      return [align(column.head), ...column.cells.map(align)];
    });
  const rowAt = (index: number) => cells.map((column) => column[index] ?? '');
  return formatTable(
    rowAt(0),
    results.map((_result, index) => rowAt(index + 1)),
  );
}

function text(number: number | undefined, format: (number: number) => string): string {
  if (number === undefined) return '';
  return Number.isFinite(number) ? format(number) : '-';
}

/** Failures by their codes, the most frequent first: `OVERLOADED 12, READ_TIMEOUT 3`. */
function formatCodes(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([code, count]) => `${code} ${formatCount(count)}`)
    .join(', ');
}

function twoDigits(number: number): string {
  return number.toFixed(2);
}

/** What is being measured: `12/45 get QUORUM, 16 in flight`. */
export function formatPhase(phases: readonly BenchPhase[], index: number): string {
  const phase = phases[index];
  if (phase === undefined) return '';
  const { operation, intensity } = phase;
  return `${index + 1}/${phases.length} ${operation.name}, ${describeIntensity(intensity)}`;
}

/** What a phase gave: `4,321 calls/s`, and how many failed. */
export function formatSample(sample: PhaseSample): string {
  const failures = Object.values(sample.errors).reduce((sum, count) => sum + count, 0);
  const failed = failures === 0 ? '' : `, ${failures} failed`;
  return `${text(callsPerSecond(sample), formatCount)} calls/s${failed}`;
}

/** Says how far the benchmark is: one line that changes on a terminal, a line a phase elsewhere. */
export class BenchProgress {
  readonly #components: { readonly clock: Clock; readonly stream: ProgressStream };
  #last = '';

  constructor(components: { readonly clock: Clock; readonly stream: ProgressStream }) {
    this.#components = components;
  }

  /** For what is done once to each key, which may take minutes. */
  eachKey(what: string): ProgressLine {
    return new ProgressLine(this.#components, `bench: ${what}`);
  }

  /** Shows what is done now, and how many calls were made; only on a terminal. */
  begin(what: string, calls = 0): void {
    const { stream } = this.#components;
    if (!stream.isTTY) return;
    const sofar = calls === 0 ? '' : `: ${formatCount(calls)} calls`;
    const last = this.#last === '' ? '' : `   (before: ${this.#last})`;
    stream.write(`${clearLine}bench: ${what}${sofar}${last}`);
  }

  /** Says what has been done. */
  end(what: string, result: string): void {
    this.#last = result;
    const { stream } = this.#components;
    if (!stream.isTTY) stream.write(`bench: ${what}: ${result}\n`);
  }

  /** Leaves no line behind. */
  close(): void {
    const { stream } = this.#components;
    if (stream.isTTY) stream.write(clearLine);
  }
}

const clearLine = '\r\u001b[2K';
