import type { Clock, Timer } from './clock.ts';

/** The clock of the machine, with an offset for tests that need nodes whose clocks differ. */
export class SystemClock implements Clock {
  readonly #offsetMs: () => number;

  /** @param offsetMs added to the real time of day; 0 by default. */
  constructor(offsetMs: () => number = () => 0) {
    this.#offsetMs = offsetMs;
  }

  monotonicMs(): number {
    return performance.now();
  }

  realtimeMs(): number {
    return Date.now() + this.#offsetMs();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    if (delayMs <= 0) {
      const immediate = setImmediate(callback);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timeout = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  }
}
