import type { Clock, Timer } from './clock.ts';

/**
 * Moments at which something is due, for very many things that are mostly over before: those of
 * nearly the same moment share one timer, so that adding and removing is all that each costs.
 */
export class Deadlines<Item> {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #onDue: (item: Item) => void;
  readonly #buckets = new Map<number, Bucket<Item>>();

  /**
   * @param stepMs how much later than its moment an item may be due.
   * @param onDue told of each item that was not removed before.
   */
  constructor(clock: Clock, stepMs: number, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#stepMs = stepMs;
    this.#onDue = onDue;
  }

  /** @returns what removes it again. */
  add(item: Item, atMs: number): Bucket<Item> {
    const step = Math.ceil(atMs / this.#stepMs);
    let bucket = this.#buckets.get(step);
    if (bucket === undefined) {
      bucket = { step, items: new Set(), timer: undefined };
      this.#buckets.set(step, bucket);
      const made = bucket;
      const leftMs = Math.ceil(step * this.#stepMs - this.#clock.monotonicMs());
      bucket.timer = this.#clock.schedule(Math.max(leftMs, 1), () => this.#fire(made));
    }
    bucket.items.add(item);
    return bucket;
  }

  remove(item: Item, bucket: Bucket<Item>): void {
    if (bucket.items.delete(item) && bucket.items.size === 0) this.#drop(bucket);
  }

  #fire(bucket: Bucket<Item>): void {
    this.#drop(bucket);
    for (const item of bucket.items) this.#onDue(item);
  }

  #drop(bucket: Bucket<Item>): void {
    bucket.timer?.cancel();
    if (this.#buckets.get(bucket.step) === bucket) this.#buckets.delete(bucket.step);
  }
}

/** The items of one moment. */
export interface Bucket<Item> {
  readonly step: number;
  readonly items: Set<Item>;
  timer: Timer | undefined;
}
