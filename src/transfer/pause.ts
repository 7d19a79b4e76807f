import type { Clock } from '../runtime/clock.ts';

/** The rests of a background task, which its end cuts short. */
export class Pause {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the task is to stop. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Settles after so long, or at once from the end on. One rest at a time. */
  rest(delayMs: number): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }
}
