/** Formats milliseconds since 1970 as ISO 8601 in UTC, or as a number if no calendar has them. */
export function formatTime(realtimeMs: number): string {
  const date = new Date(realtimeMs);
  return Number.isNaN(date.getTime()) ? String(realtimeMs) : date.toISOString();
}

/** Reads what {@link formatTime} wrote of a calendar's time; `undefined` if it is something else. */
export function parseTime(text: string): number | undefined {
  const realtimeMs = Date.parse(text);
  return formatTime(realtimeMs) === text ? realtimeMs : undefined;
}
