import type { ClockMonitor } from '../record/clock-monitor.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * Expiry as a coordinator makes and judges it: the one place where an answer depends on clocks.
 *
 * The time of expiry is made once, beside the version, and travels with the value. Replicas never
 * look at it: an expired value takes part in quorums, write-back, repairs and hints like any other,
 * so that replicas converge whatever their clocks say. Only the coordinator's answer turns it into
 * "absent". A node whose clock may be wrong neither makes nor judges such times, so any two that do
 * are within 500 ms of each other, and their answers differ only that near to the time of expiry.
 */
export interface ExpiryComponents {
  readonly clock: Clock;
  readonly clockMonitor: ClockMonitor;
}

/** The time of expiry of a value written now; `undefined` if this node's clock may not say. */
export function expireTimeAfter(components: ExpiryComponents, ttlMs: number): number | undefined {
  const realtimeMs = trustedTimeMs(components);
  return realtimeMs === undefined ? undefined : Math.ceil(realtimeMs + ttlMs);
}

/** Whether a time of expiry has come; `undefined` if this node's clock may not say. */
export function hasExpired(
  components: ExpiryComponents,
  expireTimeMs: number,
): boolean | undefined {
  const realtimeMs = trustedTimeMs(components);
  return realtimeMs === undefined ? undefined : expireTimeMs <= realtimeMs;
}

function trustedTimeMs({ clock, clockMonitor }: ExpiryComponents): number | undefined {
  const now = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
  return clockMonitor.mayJudgeTimes(now) ? now.realtimeMs : undefined;
}
