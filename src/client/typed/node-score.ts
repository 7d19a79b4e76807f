/**
 * How well a node answers, as a cost in milliseconds; the least is asked next.
 *
 * The latency is a moving average of what was measured. A failure counts as a long latency. Both
 * fade while the node is not asked, so that one that was slow or away is tried again. A node that
 * has calls open and says nothing costs as much as it has been silent for, or a frozen one would
 * get calls until they time out. As "peak EWMA" in Finagle, but calls in flight weigh little: they
 * are many in a pipeline, and a far node must not get what a near one answers sooner.
 */
export class NodeScore {
  #averageMs = 0;
  #sampledAtMs = 0;
  /** Since when the node owes an answer, from its last one on. */
  #silentSinceMs = 0;

  /** A connection is made, and its first answer took so long; what was before counts no more. */
  connected(latencyMs: number, nowMs: number): void {
    this.#averageMs = latencyMs;
    this.#sampledAtMs = nowMs;
  }

  /** An answer took so long. */
  answered(latencyMs: number, nowMs: number): void {
    const averageMs = this.#fadedMs(nowMs);
    this.#averageMs = averageMs + weight * (latencyMs - averageMs);
    this.#sampledAtMs = nowMs;
    this.#silentSinceMs = nowMs;
  }

  /** It broke off, or does not serve for now. */
  failed(nowMs: number): void {
    this.#averageMs = Math.max(this.#fadedMs(nowMs), failureMs);
    this.#sampledAtMs = nowMs;
    this.#silentSinceMs = nowMs;
  }

  /** A call goes to it while none is open. */
  becomesBusy(nowMs: number): void {
    this.#silentSinceMs = nowMs;
  }

  /** @param pending how many calls wait for its answer. */
  costMs(pending: number, nowMs: number): number {
    const silentMs = pending === 0 ? 0 : nowMs - this.#silentSinceMs;
    const answerMs = Math.max(this.#fadedMs(nowMs), silentMs, leastMs);
    return answerMs * (1 + pending / pendingThatDoubles);
  }

  #fadedMs(nowMs: number): number {
    const idleMs = nowMs - this.#sampledAtMs - fadeAfterMs;
    return idleMs <= 0 ? this.#averageMs : this.#averageMs * 0.5 ** (idleMs / halfLifeMs);
  }
}

const weight = 0.1;
const failureMs = 500;
/** So that calls spread over nodes that have not been measured. */
const leastMs = 0.05;
const pendingThatDoubles = 64;
const fadeAfterMs = 500;
const halfLifeMs = 1_000;
