/**
 * Time as everything but `runtime/` sees it. Three methods, handed to constructors, so that a
 * simulator can run hours of a cluster in a second and replay them from a seed.
 */

/** Stops a scheduled call that has not run yet; a second cancel does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some start; never goes back. For deadlines and durations. */
  monotonicMs(): number;
  /** Milliseconds since 1970; may step either way. For versions and for people. */
  realtimeMs(): number;
  /** Calls back once after `delayMs`; 0 means after all that is going on in this turn. */
  schedule(delayMs: number, callback: () => void): Timer;
}
