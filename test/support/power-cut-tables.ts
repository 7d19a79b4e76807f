import type { Clock } from '../../src/runtime/clock.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { StorageError } from '../../src/storage/storage-error.ts';
import { type Change, tableNames } from '../../src/storage/tables.ts';

/**
 * A disk whose power can be cut: what was not flushed is gone then, or there by chance if its flush
 * was going on, and `tables` are new ones with what is left. Flushes take simulated time, fail when
 * told to, and find no space while it is full.
 */
export class PowerCutTables {
  readonly #clock: Clock;
  readonly #flushMs: () => number;
  #faultIn = 0;
  #fullIn = 0;
  #flushing: readonly Change[] | undefined;
  #tables: MemoryTables;
  /** While true each flush ends with NO_SPACE, the probe for space too. */
  isFull = false;
  /** How many flushes have begun. */
  flushes = 0;

  /** @param flushMs how long each flush takes; 1 ms by default. */
  constructor(clock: Clock, flushMs: () => number = () => 1) {
    this.#clock = clock;
    this.#flushMs = flushMs;
    this.#tables = this.#open();
  }

  /** The tables since the last cut. */
  get tables(): MemoryTables {
    return this.#tables;
  }

  /** Lets the disk be full from the n-th flush from now on; 1 is the next. */
  fillAt(nth: number): void {
    this.#fullIn = nth;
  }

  /** Lets the n-th flush from now on end with EIO; 1 is the next. */
  failFlush(nth: number): void {
    this.#faultIn = nth;
  }

  /**
   * Cuts the power. What was under way in the old tables never settles.
   *
   * @param isFlushingKept whether a transaction that is being flushed has reached the disk.
   */
  cut(isFlushingKept = false): void {
    const before = this.#tables;
    const flushing = this.#flushing ?? [];
    this.#flushing = undefined;
    this.#tables = this.#open();
    for (const table of tableNames) {
      before.scan(table, new Uint8Array(), ({ key, value }) => {
        this.#tables.writeNow([{ table, key, value }]);
        return true;
      });
    }
    if (isFlushingKept) this.#tables.writeNow(flushing);
  }

  #open(): MemoryTables {
    const tables: MemoryTables = new MemoryTables(
      { clock: this.#clock },
      { flush: (changes) => this.#flush(() => this.#tables === tables, changes) },
    );
    return tables;
  }

  async #flush(isPowered: () => boolean, changes: readonly Change[]): Promise<void> {
    if (!isPowered()) return never();
    this.flushes += 1;
    this.#faultIn -= 1;
    this.#fullIn -= 1;
    if (this.#fullIn === 0) this.isFull = true;
    const isFaulty = this.#faultIn === 0;
    this.#flushing = changes;
    await new Promise<void>((resolve) => this.#clock.schedule(this.#flushMs(), resolve));
    if (!isPowered()) return never();
    this.#flushing = undefined;
    if (isFaulty) throw new Error('EIO');
    if (this.isFull) throw new StorageError('NO_SPACE');
  }
}

function never(): Promise<void> {
  return new Promise(() => undefined);
}
