/**
 * Whether calls pile up at a node so that one more would have its answer too late. Pure.
 *
 * More calls than a node can do would all wait until shortly before their deadlines, and some would
 * then be done for nobody. So a call is refused at once when those before it will take more than
 * half of its time, by how many there are and how many are answered in a second; half, because the
 * node may do the next ones half as fast, and is then still in time.
 *
 * How many are answered says how many can be only while the node is never without work. That it is
 * shows in answers that come late, as in CoDel (Nichols and Jacobson 2012): nothing is refused unless
 * those of just now waited for a quarter of the new call's time, the way to the node aside. A burst
 * is let in, and so are callers that wait for each other: the more of them, the longer it takes to
 * a quarter of their time.
 */
export class Backlog {
  /** The least that any answer took: the way to the node and back. */
  #leastMs: number;
  /** How long that call waited which was answered last. */
  #waitedMs = 0;
  #answersPerMs: number | undefined;
  /** Since when answers are counted, and how many came. */
  #sinceMs: number | undefined;
  #answers = 0;

  /** @param wayMs how long the first answer of the connection took. */
  constructor(wayMs: number) {
    this.#leastMs = wayMs;
  }

  /**
   * Answers have come, also those that nobody waits for any more.
   *
   * @param waitedMs how long one of the calls had waited, from when it was handed over; `undefined` if
   * none was still wanted.
   * @param pending how many still wait.
   */
  answered(answers: number, waitedMs: number | undefined, pending: number, nowMs: number): void {
    if (waitedMs !== undefined) {
      this.#leastMs = Math.min(this.#leastMs, waitedMs);
      this.#waitedMs = waitedMs;
    }
    if (pending < pendingMin) this.clear();
    else this.#count(answers, nowMs);
  }

  /** Nobody waits any more for a call without an answer, which says as much of the wait. */
  givenUp(waitedMs: number): void {
    this.#waitedMs = waitedMs;
  }

  /** Nothing waits. */
  clear(): void {
    this.#waitedMs = 0;
    this.#answersPerMs = undefined;
    this.#sinceMs = undefined;
  }

  /**
   * @param pending how many calls the node has to do before it, wanted or not.
   * @param withinMs the time that is left to the call.
   */
  isTooLongFor(withinMs: number, pending: number): boolean {
    if (pending < pendingMin || this.#waitedMs - this.#leastMs <= withinMs * partThatIsLate) {
      return false;
    }
    return this.waitMs(pending) > withinMs * partToWait;
  }

  /** How long so many calls will take; 0 while that is not known. */
  waitMs(pending: number): number {
    return this.#answersPerMs === undefined ? 0 : pending / this.#answersPerMs;
  }

  #count(answers: number, nowMs: number): void {
    if (this.#sinceMs === undefined) return this.#begin(nowMs);
    this.#answers += answers;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < countedMs || this.#answers < countedMin) return;
    const perMs = this.#answers / elapsedMs;
    const before = this.#answersPerMs ?? perMs;
    this.#answersPerMs = before + (perMs - before) * weight;
    this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#answers = 0;
  }
}

/** See above; a quarter, so that it is known before half of the time is over. */
const partToWait = 1 / 2;
const partThatIsLate = 1 / 4;
/** Fewer are no backlog, for then one call more or less is much. 16 take half of 2 s at 16 a second. */
const pendingMin = 16;
/** Answers come in messages, every 10 to 50 ms from a busy node: so long holds some of them. */
const countedMs = 100;
/** And so many, for what is slow: their number is right to about a quarter. */
const countedMin = 16;
/** Of what was counted last: a change is taken over within a second, a stall for a small part. */
const weight = 1 / 4;
