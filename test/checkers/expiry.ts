import type { Call } from './history.ts';

/** Within this time of the moment of expiry reads may disagree. */
export const expiryGraceMs = 500;

/**
 * When each text of one key expires; those that never do are missing. A get that found a text tells
 * it exactly, since it comes from the record; a put whose answer was late or lost only roughly.
 */
export function expiriesOf(calls: readonly Call[]): ReadonlyMap<string, number> {
  const expiries = new Map<string, number>();
  for (const isGet of [false, true]) {
    for (const { kind, outcome, text, expireTimeMs } of calls) {
      if (text === undefined || expireTimeMs === undefined) continue;
      if (isGet ? kind === 'get' && outcome === 'ok' : kind === 'put') {
        expiries.set(text, expireTimeMs);
      }
    }
  }
  return expiries;
}

/** Whether a get that ended at `endMs` may have found a value gone. */
export function mayBeGone(expireTimeMs: number | undefined, endMs: number): boolean {
  return expireTimeMs !== undefined && endMs > expireTimeMs - expiryGraceMs;
}

/** Whether a get that began at `startMs` may have found a value still there. */
export function mayBeThere(expireTimeMs: number | undefined, startMs: number): boolean {
  return expireTimeMs === undefined || startMs < expireTimeMs + expiryGraceMs;
}
