import type { Clock, Timer } from './clock.ts';

/**
 * Moments at which something is due, for very many things that are mostly over before: those of
 * nearly the same moment share one timer, so that adding and removing is all that each costs.
 *
 * There is no hash table of the items on purpose. Its garbage, once it is old, keeps all that it
 * ever held alive for the young generation's collections, and those then take a quarter of the time.
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
  add(item: Item, atMs: number): Deadline<Item> {
    const step = Math.ceil(atMs / this.#stepMs);
    const bucket = this.#buckets.get(step) ?? this.#openBucket(step);
    const deadline = { item, bucket };
    bucket.deadlines.push(deadline);
    bucket.left++;
    return deadline;
  }

  /** Removes one that {@link add} gave; nothing if there is none, or if it is over. */
  remove(deadline: Deadline<Item> | undefined): void {
    if (deadline?.item === undefined) return;
    deadline.item = undefined;
    if (--deadline.bucket.left === 0) this.#drop(deadline.bucket);
  }

  #openBucket(step: number): Bucket<Item> {
    const bucket: Bucket<Item> = { step, deadlines: [], left: 0, timer: undefined };
    const leftMs = Math.ceil(step * this.#stepMs - this.#clock.monotonicMs());
    bucket.timer = this.#clock.schedule(Math.max(leftMs, 1), () => this.#fire(bucket));
    this.#buckets.set(step, bucket);
    return bucket;
  }

  #fire(bucket: Bucket<Item>): void {
    this.#drop(bucket);
    for (const deadline of bucket.deadlines) {
      const { item } = deadline;
      deadline.item = undefined;
      if (item !== undefined) this.#onDue(item);
    }
  }

  #drop(bucket: Bucket<Item>): void {
    bucket.timer?.cancel();
    if (this.#buckets.get(bucket.step) === bucket) this.#buckets.delete(bucket.step);
  }
}

/** One item with its moment, until it is due or removed. */
export interface Deadline<Item> {
  item: Item | undefined;
  readonly bucket: Bucket<Item>;
}

/** The items of one moment. */
interface Bucket<Item> {
  readonly step: number;
  readonly deadlines: Deadline<Item>[];
  left: number;
  timer: Timer | undefined;
}
