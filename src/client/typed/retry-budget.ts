/**
 * How much more than what its callers want a client may ask of a cluster: a tenth, and ten a
 * second. Without it a cluster that is too slow would get every call several times. A reserve lets
 * a burst of failures pass.
 */
export class RetryBudget {
  #balance = reserve;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** A call was answered. */
  deposit(): void {
    if (this.#balance < reserve) this.#balance += perAnswer;
  }

  /** @returns whether one more may be sent. */
  withdraw(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) / 1_000) * perSecond;
    this.#balance = Math.min(this.#balance + earned, reserve);
    this.#atMs = nowMs;
    if (this.#balance < 1) return false;
    this.#balance--;
    return true;
  }
}

const reserve = 200;
const perAnswer = 0.1;
const perSecond = 10;
