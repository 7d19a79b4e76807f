import type { Clock, Timer } from '../runtime/clock.ts';
import { StorageError } from './storage-error.ts';
import type { Change, StateListener, TablesState } from './tables.ts';

/**
 * Turns many writes into few transactions, one at a time: while one is flushed the next gathers.
 * It also owns what a failure means: of a full disk a state that ends when a probe fits, of
 * anything else a state without end, since a failed flush that seems to succeed when it is tried
 * again may have lost the pages (Rebello et al., "Can Applications Recover from fsync Failures?",
 * 2020).
 *
 * It knows nothing of tables; the transaction itself is handed in.
 */
export interface GroupCommitOptions {
  /** Makes changes durable, all or none; rejects with NO_SPACE only if none of it is there. */
  readonly commit: (changes: readonly Change[]) => Promise<void>;
  /** Tries whether there is space again; what it rejects with counts like a commit's. */
  readonly probe: () => Promise<void>;
}

interface PendingWrite {
  readonly changes: readonly Change[];
  readonly onBegin: (() => void) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

export class GroupCommit {
  readonly #clock: Clock;
  readonly #options: GroupCommitOptions;
  readonly #listeners: StateListener[] = [];
  #pending: PendingWrite[] = [];
  #working: Promise<void> | undefined;
  #probeTimer: Timer | undefined;
  #state: TablesState = 'open';
  #error: StorageError | undefined;

  constructor(components: { readonly clock: Clock }, options: GroupCommitOptions) {
    this.#clock = components.clock;
    this.#options = options;
  }

  get state(): TablesState {
    return this.#state;
  }

  onState(listener: StateListener): void {
    this.#listeners.push(listener);
  }

  write(changes: readonly Change[], onBegin?: () => void): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, onBegin, resolve, reject });
      this.#startWork();
    });
  }

  /** Throws what a write would be rejected with now. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Enters the state that an error means, and gives the error that writes end with. */
  fail(thrown: unknown): StorageError {
    if (this.#state === 'failed' && this.#error !== undefined) return this.#error;
    const isFull = thrown instanceof StorageError && thrown.code === 'NO_SPACE';
    const error = isFull ? thrown : new StorageError('FAILED', { cause: thrown });
    this.#enter(isFull ? 'read-only' : 'failed', error);
    return error;
  }

  /** Settles when nothing is under way any more; there is no probe after it. */
  async close(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    this.#probeTimer?.cancel();
    this.#error ??= new StorageError('FAILED', { cause: new Error('closed') });
  }

  #startWork(): void {
    if (this.#pending.length > 0) this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // The other writes of this turn join the first.
    await new Promise<void>((resolve) => this.#clock.schedule(0, resolve));
    while (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      for (const { onBegin } of group) onBegin?.();
      try {
        if (this.#error !== undefined) throw this.#error;
        await this.#options.commit(group.flatMap(({ changes }) => changes));
        for (const { resolve } of group) resolve();
      } catch (thrown: unknown) {
        const error = this.#error ?? this.fail(thrown);
        for (const { reject } of group) reject(error);
      }
    }
    this.#working = undefined;
  }

  #enter(state: TablesState, error: StorageError | undefined): void {
    const isNew = state !== this.#state;
    this.#state = state;
    this.#error = error;
    this.#probeTimer?.cancel();
    if (state === 'read-only') this.#scheduleProbe();
    if (isNew) for (const listener of this.#listeners) listener(state, error);
  }

  #scheduleProbe(): void {
    this.#probeTimer = this.#clock.schedule(probeIntervalMs, () => {
      if (this.#working === undefined) this.#working = this.#probe();
      else this.#scheduleProbe();
    });
  }

  async #probe(): Promise<void> {
    try {
      await this.#options.probe();
      if (this.#state === 'read-only') this.#enter('open', undefined);
    } catch (thrown: unknown) {
      this.fail(thrown);
    }
    this.#working = undefined;
    // A listener may have written as soon as it heard that there is space.
    this.#startWork();
  }
}

const probeIntervalMs = 1_000;
