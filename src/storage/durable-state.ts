import { QuorateError } from '../base/quorate-error.ts';
import type { NodeState } from './node-state.ts';
import type { StateFile } from './state-file.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: QuorateError) => void;
}

/**
 * A node's state, with changes that settle when they are durable. One write is under way at a
 * time; the next carries everything that changed since, so that any number of changes costs two
 * flushes at most to wait for.
 *
 * A write that fails, for whatever reason, is the end: nobody knows what the file holds, so that
 * change and every later one rejects, and the listener ends the process.
 */
export class DurableState {
  readonly #file: StateFile;
  readonly #onFailure: (error: QuorateError) => void;
  #latest: NodeState;
  #durable: NodeState;
  #waiting: Waiting[] = [];
  #writer: Promise<void> | undefined;
  #failure: QuorateError | undefined;

  /** @param onFailure told once, when a write has failed. */
  constructor(file: StateFile, onFailure: (error: QuorateError) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
    this.#latest = file.read();
    this.#durable = this.#latest;
  }

  /** With the changes that are not durable yet. */
  get latest(): NodeState {
    return this.#latest;
  }

  /** What a restart would find, at least. */
  get durable(): NodeState {
    return this.#durable;
  }

  /**
   * Changes the state; settles when the change is durable.
   *
   * @param change gives the new state, or the same one if nothing has to change: then this settles
   *   when that one is durable, without a write of its own.
   * @throws QuorateError INTERNAL when the file could not be written, now or before.
   */
  update(change: (state: NodeState) => NodeState): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#latest = change(this.#latest);
    if (this.#latest === this.#durable && this.#writer === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#writer ??= this.#writeAll();
    });
  }

  /** Settles when nothing is under way; the file is its owner's to close. */
  async stop(): Promise<void> {
    while (this.#writer !== undefined) await this.#writer;
  }

  async #writeAll(): Promise<void> {
    // The changes of this turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      const state = this.#latest;
      this.#waiting = [];
      try {
        if (state !== this.#durable) await this.#file.write(state);
      } catch (error: unknown) {
        this.#fail(error, waiting);
        break;
      }
      this.#durable = state;
      for (const { resolve } of waiting) resolve();
    }
    this.#writer = undefined;
  }

  #fail(error: unknown, waiting: readonly Waiting[]): void {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The state file of this node could not be written: ${reason}`;
    const failure = new QuorateError('INTERNAL', { reason }, message, { cause: error });
    this.#failure = failure;
    for (const { reject } of [...waiting, ...this.#waiting]) reject(failure);
    this.#waiting = [];
    this.#onFailure(failure);
  }
}
