import type { Clock } from '../../runtime/clock.ts';
import type { Latencies } from './latencies.ts';
import type { OpenCall } from './open-call.ts';

/**
 * Tells reads that they are slow, once nearly all others would have their answer. Most have it by
 * then, so those of nearly the same moment wait in one list from which none is taken out.
 */
export class SlowReads {
  readonly #clock: Clock;
  readonly #latencies: Latencies;
  #list: OpenCall[] = [];
  #untilMs = 0;

  constructor(clock: Clock, latencies: Latencies) {
    this.#clock = clock;
    this.#latencies = latencies;
  }

  /** A read is about to be sent. */
  watch(call: OpenCall, nowMs: number): void {
    const { slowMs } = this.#latencies;
    if (slowMs === undefined) return;
    if (nowMs > this.#untilMs) this.#begin(nowMs, Math.max(slowMs, slowMsMin));
    this.#list.push(call);
  }

  #begin(nowMs: number, slowMs: number): void {
    const list: OpenCall[] = [];
    this.#list = list;
    this.#untilMs = nowMs + listMs;
    this.#clock.schedule(listMs + slowMs, () => {
      for (const call of list) if (!call.isOver) call.onSlow();
    });
  }
}

/** Sooner a second attempt costs more than it gains. */
const slowMsMin = 2;
/** Of how long the reads of one list come. */
const listMs = 2;
