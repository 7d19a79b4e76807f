import { QuorateError } from '../base/quorate-error.ts';

/** Durations as people write them: a number and its unit, such as `500ms`, `2s` or `1.5m`. */

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads a duration as milliseconds.
 *
 * @throws QuorateError CONFIGURATION if it is not a positive number with a unit.
 */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const durationMs = Number(amount) * unitsMs[(unit ?? 'ms') as keyof typeof unitsMs];
  if (Number.isFinite(durationMs) && durationMs > 0) return durationMs;
  throw new QuorateError(
    'CONFIGURATION',
    { text },
    `"${text}" is not a duration: write a number and its unit, such as 500ms, 2s or 1m`,
  );
}

/** Writes milliseconds for people, with the unit that fits. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${round(durationMs)}ms`;
  if (durationMs < 60_000) return `${round(durationMs / 1_000)}s`;
  if (durationMs < 3_600_000) return `${round(durationMs / 60_000)}m`;
  if (durationMs < 86_400_000) return `${round(durationMs / 3_600_000)}h`;
  return `${round(durationMs / 86_400_000)}d`;
}

function round(amount: number): number {
  return Math.round(amount * 10) / 10;
}
