import { QuorateError } from '../base/quorate-error.ts';
import { formatTime } from '../runtime/format-time.ts';

/** Durations and times in protobuf's JSON mapping, for messages as proto-loader has them. */

type Form = Readonly<Record<string, unknown>>;

/** Reads `"1.5s"`. @throws QuorateError CONFIGURATION */
export function parseDurationForm(json: unknown, path: string): Form {
  const [, seconds, fraction = ''] =
    typeof json === 'string' ? (/^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(json) ?? []) : [];
  if (seconds !== undefined) return { seconds, nanos: Number(fraction.padEnd(9, '0')) };
  const message = `${path}: write a duration in seconds such as "1.5s"`;
  throw new QuorateError('CONFIGURATION', { field: path }, message);
}

/** Writes `"1.5s"`. */
export function formatDurationForm({ seconds = '0', nanos = 0 }: Form): string {
  const fraction = Number(nanos) === 0 ? '' : `.${String(nanos).padStart(9, '0')}`;
  return `${seconds}${fraction.replace(/0+$/, '')}s`;
}

/** Writes `"2026-01-31T12:00:00.000Z"`. */
export function formatTimestampForm({ seconds = '0', nanos = 0 }: Form): string {
  return formatTime(Number(seconds) * 1_000 + Math.floor(Number(nanos) / 1_000_000));
}
