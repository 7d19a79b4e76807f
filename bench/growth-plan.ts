import type { BenchResult } from '../src/cli/bench/bench-summary.ts';
import { formatCount } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';

/** How cost grows: clusters that differ in one thing at a time. Pure. */
export interface GrowthSize {
  readonly keys: number;
  readonly nodes: number;
  readonly valueBytes: number;
}

/** What most of them have. */
const usual: GrowthSize = { keys: 1_000, nodes: 4, valueBytes: 100 };

export function planGrowth(
  keys: readonly number[],
  nodes: readonly number[],
  valueBytes: readonly number[],
): readonly GrowthSize[] {
  return [
    ...keys.map((each) => ({ ...usual, keys: each })),
    ...nodes.map((each) => ({ ...usual, nodes: each })),
    ...valueBytes.map((each) => ({ ...usual, valueBytes: each })),
  ];
}

/** One row for each size: what `quorate bench` gave for it. */
export interface GrowthRow extends GrowthSize {
  readonly results: readonly BenchResult[];
  /** How long a node takes after its death until it serves and has met the others. */
  readonly startMs: number | undefined;
}

export function formatGrowth(rows: readonly GrowthRow[]): string {
  const right = (text: string, width: number) => text.padStart(width);
  const named = ({ results }: GrowthRow, action: string) =>
    results.find(({ operation }) => operation.startsWith(action));
  const cells = (result: BenchResult | undefined) => [
    right(result === undefined ? '' : formatCount(result.callsPerSecond), 11),
    right(result?.nodeCpuMicros?.toFixed(1) ?? '', 12),
  ];
  return formatTable(
    [
      ...['     keys', 'nodes', 'value bytes', 'get calls/s', 'node µs/call'],
      ...['put calls/s', 'node µs/call', 'put p99 ms', 'MiB a node', 'with files'],
      ...['start s', 'failed'],
    ],
    rows.map((row) => [
      right(formatCount(row.keys), 9),
      right(String(row.nodes), 5),
      right(formatCount(row.valueBytes), 11),
      ...cells(named(row, 'get')),
      ...cells(named(row, 'put')),
      right(named(row, 'put')?.p99Ms.toFixed(0) ?? '', 10),
      right(named(row, 'put')?.nodeOwnMebibytes?.toFixed(0) ?? '', 10),
      right(named(row, 'put')?.nodeMebibytesMax?.toFixed(0) ?? '', 10),
      right(row.startMs === undefined ? '' : (row.startMs / 1_000).toFixed(1), 7),
      right(String(row.results.reduce((sum, { errors, wrong }) => sum + errors + wrong, 0)), 6),
    ]),
  );
}
