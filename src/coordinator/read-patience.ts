/**
 * How long a read waits for an answer before it asks one more replica ("The Tail at Scale", Dean and
 * Barroso, 2013). Pure.
 *
 * Learned from the answers as TCP learns when to send again (Jacobson 1988; RFC 6298): their mean and
 * four mean deviations. So a few of a hundred reads ask once more, and not all of them when every node is busy.
 */
export class ReadPatience {
  #meanMs = patienceMsMax;
  #deviationMs = 0;
  #isLearning = false;

  /** Milliseconds, 5 to 50; 50 before anything is learned. */
  get ms(): number {
    const ms = this.#meanMs + 4 * this.#deviationMs;
    return Math.min(Math.max(ms, patienceMsMin), patienceMsMax);
  }

  /** A replica has answered after so long. What took over 50 ms counts as 50. */
  answered(ms: number): void {
    const clipped = Math.min(ms, patienceMsMax);
    if (!this.#isLearning) {
      this.#isLearning = true;
      this.#meanMs = clipped;
      this.#deviationMs = clipped / 2;
      return;
    }
    this.#deviationMs += (Math.abs(clipped - this.#meanMs) - this.#deviationMs) / 4;
    this.#meanMs += (clipped - this.#meanMs) / 8;
  }
}

/** Below that a pause of the process is as likely as one of the replica. */
const patienceMsMin = 5;
const patienceMsMax = 50;
