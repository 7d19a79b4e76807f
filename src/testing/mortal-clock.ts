import type { Clock, Timer } from '../runtime/clock.ts';

/** The clock of one run of a node: nothing that the run has planned happens after its end. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  realtimeMs(): number {
    return this.#clock.realtimeMs();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    if (this.#isOver) return { cancel: () => undefined };
    const inner = this.#clock.schedule(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.#timers.delete(timer);
        inner.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  /** Cancels all that is planned, now and later. */
  end(): void {
    this.#isOver = true;
    for (const timer of [...this.#timers]) timer.cancel();
  }
}
