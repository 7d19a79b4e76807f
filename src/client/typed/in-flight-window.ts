/**
 * How many calls a node has at once of one pipeline. Pure.
 *
 * As many as keep it busy, and no more: what waits here can still be refused, go to another node, or
 * end as certainly not applied, and what waits there cannot. A node that answers late has too many,
 * and gets fewer, step by step, until it answers soon again: by delay, as TCP Vegas (Brakmo and
 * Peterson 1995), and from the largest number downwards, so that a burst meets no slow start.
 */
export class InFlightWindow {
  #size = sizeMax;
  /** The least that an answer took: the way there and back. */
  #leastMs = Number.POSITIVE_INFINITY;
  #answerMs = 0;
  #steppedAtMs = 0;

  /** How many calls it may have. */
  get size(): number {
    return this.#size;
  }

  /** How long it took for answers lately. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** An answer took so long, of a message at least. */
  answered(ms: number, nowMs: number): void {
    this.#leastMs = Math.min(this.#leastMs, ms);
    this.#answerMs += (ms - this.#answerMs) / averagedOver;
    if (nowMs - this.#steppedAtMs < stepMs) return;
    this.#steppedAtMs = nowMs;
    const isLate = this.#answerMs - this.#leastMs > lateMs;
    const size = isLate ? this.#size * shrinking : this.#size / shrinking;
    this.#size = Math.min(Math.max(Math.ceil(size), sizeMin), sizeMax);
  }
}

/** Half of what a node takes of one stream, and a quarter of what it coordinates. */
const sizeMax = 2_048;
/** A node may be late because it waits for others, and then does many calls at once all the same. */
const sizeMin = 512;
/** An eighth of the time that a call has by default; a busy node answers in a fifth of that. */
const lateMs = 250;
/** From the largest to the smallest number in less than a second. */
const stepMs = 100;
const shrinking = 0.8;
/** Over about how many messages the time of an answer is averaged. */
const averagedOver = 16;
