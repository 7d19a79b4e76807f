import { formatCount } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import type { CompareRatio, CompareRow } from './compare-plan.ts';

/** The tables of a comparison. */
export function formatCompare(rows: readonly CompareRow[], ratios: readonly CompareRatio[]) {
  const right = (text: string, width: number) => text.padStart(width);
  const digits = (number: number | undefined) => number?.toFixed(2) ?? '';
  const table = formatTable(
    [
      ...['load from', 'in flight', 'calls of', '  calls/s', ' p50 ms', ' p99 ms'],
      ...['server µs/call', 'failed', 'runs'],
    ],
    rows.map((row) => [
      row.tool,
      right(formatCount(row.inFlight), 9),
      row.subject,
      row.absent === undefined ? right(formatCount(row.callsPerSecond), 9) : 'not measured',
      right(digits(row.p50Ms), 7),
      right(digits(row.p99Ms), 7),
      right(row.serverMicros?.toFixed(1) ?? '', 14),
      right(String(row.failed), 6),
      row.absent ?? row.runs.map(formatCount).join(' '),
    ]),
  );
  const ratioTable = formatTable(
    ['load from', 'in flight', 'ratio of', 'to', ' median'],
    ratios.map(({ tool, inFlight, subject, yardstick, ratio }) => [
      tool,
      right(formatCount(inFlight), 9),
      subject,
      yardstick,
      ratio === undefined ? 'not measured' : right(ratio.toFixed(2), 7),
    ]),
  );
  return `${table}\n\n${ratioTable}\n\n${notes.join('\n')}`;
}

const notes = [
  'h2load and grpc-js: unary calls on 4 connections, each with so many in flight, to one coordinator of four',
  'durable nodes, to the leader of three nodes of etcd on the same disk, or to a bare grpc-js server.',
  'h2load sends one key, grpc-js 1,000 at random; the typed client has so many calls open in all, over all nodes.',
  'Everything runs on this machine: the load takes its part of the processors.',
];
