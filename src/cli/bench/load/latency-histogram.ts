import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const highestMicros = 3_600_000_000;

/**
 * How long calls took: an HdrHistogram, Node's own, of microseconds with three digits, so that any
 * percentile of any number of calls is right to a thousandth and costs a fixed amount of memory.
 */
export class LatencyHistogram {
  /** What threads send each other. */
  readonly recorded: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: highestMicros,
    figures: 3,
  });

  /** The sum of several. */
  static sum(parts: readonly RecordableHistogram[]): LatencyHistogram {
    const sum = new LatencyHistogram();
    for (const part of parts) sum.recorded.add(part);
    return sum;
  }

  /** Takes one call in; less than a microsecond counts as one, more than an hour as an hour. */
  add(ms: number): void {
    this.recorded.record(Math.min(Math.max(Math.round(ms * 1_000), 1), highestMicros));
  }

  get count(): number {
    return this.recorded.count;
  }

  /** What this part of the calls, over 0 and at most 1, stayed at or below; NaN of none. */
  percentileMs(part: number): number {
    return this.count === 0 ? Number.NaN : this.recorded.percentile(part * 100) / 1_000;
  }
}
