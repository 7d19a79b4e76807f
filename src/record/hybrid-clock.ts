import { clockAtMs } from './version.ts';

/**
 * Makes the clocks of new versions, each greater than all that it made or saw. It does not read
 * the time: callers pass it in, so this file is pure.
 *
 * The danger of a hybrid clock is that it believes others: one node an hour ahead would drag all
 * along and freeze every key it wrote for an hour. So nothing more than 500 ms ahead of the own
 * time is ever merged, and no version is made that is further ahead than that.
 */

/** How far ahead of a node's own time a version may be that it merges or makes. */
export const clockDriftMsMax = 500;

export class HybridClock {
  #last: bigint;

  /** @param ceiling what no clock made before is greater than; 0 if nothing was made. */
  constructor(ceiling = 0n) {
    this.#last = ceiling;
  }

  /**
   * Learns a clock seen elsewhere, unless it is too far ahead of `realtimeMs`.
   *
   * @returns whether it was within the limit.
   */
  observe(clock: bigint, realtimeMs: number): boolean {
    if (isTooFarAhead(clock, realtimeMs)) return false;
    if (clock > this.#last) this.#last = clock;
    return true;
  }

  /**
   * Makes the next clock: greater than all made or observed, and not behind `realtimeMs`.
   *
   * @returns `undefined`, and nothing changes, if that would be too far ahead of `realtimeMs`.
   */
  next(realtimeMs: number): bigint | undefined {
    const physical = clockAtMs(realtimeMs);
    const next = physical > this.#last ? physical : this.#last + 1n;
    if (isTooFarAhead(next, realtimeMs)) return undefined;
    this.#last = next;
    return next;
  }
}

/** Whether a clock is more than the drift limit ahead of a time. */
export function isTooFarAhead(clock: bigint, realtimeMs: number): boolean {
  if (realtimeMs !== limitedMs) {
    limit = clockAtMs(Math.floor(realtimeMs) + clockDriftMsMax + 1);
    limitedMs = realtimeMs;
  }
  return clock >= limit;
}

/** The first clock that is too far ahead of a time, which many are compared with in a row. */
let limit = 0n;
let limitedMs = Number.NaN;
