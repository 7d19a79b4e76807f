import type { Clock } from '../../src/runtime/clock.ts';
import { initialNodeState, type NodeState } from '../../src/storage/node-state.ts';
import type { StateFile } from '../../src/storage/state-file.ts';

/**
 * A state file whose power can be cut: a write that was under way then is lost, or there by chance,
 * and never settles. Writes take simulated time and fail when told to.
 */
export class PowerCutStateFile implements StateFile {
  readonly #clock: Clock;
  readonly #flushMs: () => number;
  #state = initialNodeState;
  #flushing: NodeState | undefined;
  #faultIn = 0;
  /** Counts the cuts: what began before one is over. */
  #powered = 0;
  /** How many writes have begun. */
  writes = 0;

  constructor(clock: Clock, flushMs: () => number) {
    this.#clock = clock;
    this.#flushMs = flushMs;
  }

  read(): NodeState {
    return this.#state;
  }

  async write(state: NodeState): Promise<void> {
    const powered = this.#powered;
    this.writes += 1;
    this.#faultIn -= 1;
    const isFaulty = this.#faultIn === 0;
    this.#flushing = state;
    await new Promise<void>((resolve) => this.#clock.schedule(this.#flushMs(), resolve));
    if (powered !== this.#powered) return new Promise(() => undefined);
    this.#flushing = undefined;
    if (isFaulty) throw new Error('EIO');
    this.#state = state;
  }

  async close(): Promise<void> {}

  /** Lets the n-th write from now on end with EIO; 1 is the next. */
  failWrite(nth: number): void {
    this.#faultIn = nth;
  }

  /** @param isFlushingKept whether a write that is under way has reached the disk. */
  cut(isFlushingKept: boolean): void {
    this.#powered += 1;
    if (isFlushingKept && this.#flushing !== undefined) this.#state = this.#flushing;
    this.#flushing = undefined;
  }
}
