import type { Call } from './history.ts';

/** How much of a text is shown. */
const shownMax = 30;

/** One line for each call, in columns, in the order of their beginnings. */
export function linesOf(calls: readonly Call[]): string {
  const rows = [...calls].sort((left, right) => left.startMs - right.startMs).map(cellsOf);
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`)
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The same in one sentence. */
export function describeCall(call: Call): string {
  const cells = cellsOf(call).filter((cell) => cell !== '');
  return cells.join(' ');
}

function cellsOf(call: Call): readonly string[] {
  const { client, kind, level, outcome, version, expireTimeMs } = call;
  const expires = expireTimeMs === undefined ? '' : `expires ${format(expireTimeMs)}`;
  const time = `${format(call.startMs)}–${call.endMs === undefined ? '' : format(call.endMs)}`;
  return [client, time, kind, level, outcome, resultOf(call), version, expires];
}

function resultOf({ kind, outcome, text }: Call): string {
  if (text !== undefined) return JSON.stringify(text.slice(0, shownMax));
  return kind === 'get' && outcome === 'ok' ? 'absent' : '';
}

function format(ms: number): string {
  return Number.isInteger(ms) ? `${ms}` : ms.toFixed(1);
}
