import { formatTable } from '../table.ts';
import type { BenchPhase, BenchResult, PhaseSample } from './bench-plan.ts';
import { callsPerSecond } from './bench-plan.ts';

/** What a benchmark shows: a line of progress while it runs, its result as a table. */

/** The result for people: one block of rows for each number in flight. */
export function formatBenchTable(results: readonly BenchResult[]): string {
  const rows = results.map((result) => [
    String(result.inFlight).padStart(9),
    result.operation,
    formatRate(result.callsPerSecond).padStart(8),
    result.p50Ms.toFixed(2).padStart(7),
    result.p99Ms.toFixed(2).padStart(7),
    result.ratioToEcho.toFixed(2).padStart(7),
    (result.ratioToMemory?.toFixed(2) ?? '').padStart(9),
    String(result.errors).padStart(6),
  ]);
  return formatTable(
    ['in flight', 'operation', ' calls/s', ' p50 ms', ' p99 ms', 'of echo', 'of memory', 'errors'],
    rows,
  );
}

/** What is being measured: `12/45 get QUORUM, 16 in flight`. */
export function formatPhase(phases: readonly BenchPhase[], index: number): string {
  const phase = phases[index];
  if (phase === undefined) return '';
  return `${index + 1}/${phases.length} ${phase.operation}, ${phase.inFlight} in flight`;
}

/** What a phase gave: `4,321 calls/s`, and how many failed. */
export function formatSample(sample: PhaseSample): string {
  const failed = sample.errors === 0 ? '' : `, ${sample.errors} failed`;
  return `${formatRate(callsPerSecond(sample))} calls/s${failed}`;
}

/** Says how far the benchmark is: one line that changes on a terminal, a line a phase elsewhere. */
export class BenchProgress {
  readonly #stream: { readonly isTTY?: boolean; write(text: string): unknown };
  #last = '';

  constructor(stream: { readonly isTTY?: boolean; write(text: string): unknown }) {
    this.#stream = stream;
  }

  /** Shows what is done now; only on a terminal. */
  begin(what: string): void {
    const last = this.#last === '' ? '' : `   (before: ${this.#last})`;
    if (this.#stream.isTTY) this.#stream.write(`${clearLine}bench: ${what}${last}`);
  }

  /** Says what has been done. */
  end(what: string, result: string): void {
    this.#last = result;
    if (!this.#stream.isTTY) this.#stream.write(`bench: ${what}: ${result}\n`);
  }

  /** Leaves no line behind. */
  close(): void {
    if (this.#stream.isTTY) this.#stream.write(clearLine);
  }
}

const clearLine = '\r\u001b[2K';

function formatRate(perSecond: number): string {
  return Number.isFinite(perSecond) ? Math.round(perSecond).toLocaleString('en-US') : '-';
}
