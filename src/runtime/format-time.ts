/** Formats milliseconds since 1970 as ISO 8601 in UTC, or as a number if no calendar has them. */
export function formatTime(realtimeMs: number): string {
  const date = new Date(realtimeMs);
  return Number.isNaN(date.getTime()) ? String(realtimeMs) : date.toISOString();
}
