/**
 * Judges this node's clock by the clocks of the others, as seen in pings. Pure: the times come in.
 *
 * Last-write-wins levels (ONE, TWO, THREE) trust clocks, so a node may coordinate such writes only
 * after it has compared its clock with a majority of the other nodes, and again after each step of
 * its own real time against its monotonic time. At every level a node whose clock is far from the
 * median of the live ones stops coordinating writes. With two clocks nobody can tell which one is
 * wrong: that is an alarm only.
 */

/** A node further than this from the median does not coordinate writes. */
export const clockApartMsMax = 250;
/** Samples with a longer round trip say too little about the other clock. */
const sampleRoundTripMsMax = 100;
/** Real time that moves this much against monotonic time was stepped, not slewed. */
const clockStepMsMin = 50;

const clocksForMedianMin = 3;

export type ClockVerdict = 'agrees' | 'uncompared' | 'apart';

export interface ClockMonitorOptions {
  /** How many other nodes the ring has. */
  readonly otherNodes: number;
}

/** A pair of readings of one node's two clocks at one moment. */
export interface ClockReading {
  readonly realtimeMs: number;
  readonly monotonicMs: number;
}

export class ClockMonitor {
  readonly #majority: number;
  readonly #aheadMs = new Map<string, number>();
  /** By how much each clock was ahead when last compared since the last step, forgotten or not. */
  readonly #compared = new Map<string, number>();
  #stepBaseMs: number;
  /** Whether the own clock is far from the median; `undefined` until it is judged again. */
  #isApart: boolean | undefined;

  constructor(start: ClockReading, options: ClockMonitorOptions) {
    this.#stepBaseMs = start.realtimeMs - start.monotonicMs;
    this.#majority = options.otherNodes === 0 ? 0 : Math.floor(options.otherNodes / 2) + 1;
  }

  /**
   * Takes a ping's result: the other node's real time, read between `sent` and `received`.
   *
   * @returns whether the sample counts.
   */
  addSample(
    node: string,
    otherRealtimeMs: number,
    sent: ClockReading,
    received: ClockReading,
  ): boolean {
    const roundTripMs = received.monotonicMs - sent.monotonicMs;
    const stepMs =
      received.realtimeMs - received.monotonicMs - (sent.realtimeMs - sent.monotonicMs);
    if (roundTripMs > sampleRoundTripMsMax || Math.abs(stepMs) >= clockStepMsMin) return false;
    this.noticeStep(received);
    this.#stepBaseMs = received.realtimeMs - received.monotonicMs;
    const aheadMs = otherRealtimeMs - (sent.realtimeMs + roundTripMs / 2);
    this.#aheadMs.set(node, aheadMs);
    this.#compared.set(node, aheadMs);
    this.#isApart = undefined;
    return true;
  }

  /** Forgets the clock of a node that is not live any more. */
  forget(node: string): void {
    this.#aheadMs.delete(node);
    this.#isApart = undefined;
  }

  /** How far a node's clock is ahead of this one's in milliseconds; `undefined` if not known. */
  aheadMs(node: string): number | undefined {
    return this.#aheadMs.get(node);
  }

  /**
   * Looks for a step of the own clock since the last sample; all comparisons end with it.
   *
   * @returns whether there was one.
   */
  noticeStep(now: ClockReading): boolean {
    const base = now.realtimeMs - now.monotonicMs;
    if (Math.abs(base - this.#stepBaseMs) < clockStepMsMin) return false;
    this.#stepBaseMs = base;
    this.#compared.clear();
    this.#aheadMs.clear();
    this.#isApart = undefined;
    return true;
  }

  /** The verdict on the own clock now. `apart` forbids all writes, `uncompared` those by clock. */
  verdict(now: ClockReading): ClockVerdict {
    this.noticeStep(now);
    this.#isApart ??= this.#isFarFromMedian();
    if (this.#isApart) return 'apart';
    return this.#compared.size >= this.#majority ? 'agrees' : 'uncompared';
  }

  #isFarFromMedian(): boolean {
    // A wrong clock does not become right because the others cannot be seen any more.
    const others = this.#aheadMs.size + 1 >= clocksForMedianMin ? this.#aheadMs : this.#compared;
    const isJudged = others.size + 1 >= clocksForMedianMin;
    return isJudged && distanceFromMedianMs([...others.values()]) > clockApartMsMax;
  }

  /**
   * Whether times of expiry may be made and judged by the own clock: it agrees with the others. In
   * a ring of two it must agree with the only other, since either may be the wrong one.
   */
  mayJudgeTimes(now: ClockReading): boolean {
    if (this.verdict(now) !== 'agrees') return false;
    const aheadMs = [...this.#compared.values()];
    return aheadMs.length !== 1 || aheadMs.every((ms) => Math.abs(ms) <= clockApartMsMax);
  }

  /** Whether exactly two clocks are known and they are far apart: somebody should look. */
  isAlarming(): boolean {
    if (this.#aheadMs.size !== 1) return false;
    return [...this.#aheadMs.values()].some((aheadMs) => Math.abs(aheadMs) > clockApartMsMax);
  }
}

/** How far 0, the own clock, is from the median of itself and the others. */
function distanceFromMedianMs(aheadMs: readonly number[]): number {
  const clocks = [0, ...aheadMs].sort((left, right) => left - right);
  const upper = clocks[Math.floor(clocks.length / 2)] ?? 0;
  const lower = clocks[Math.floor((clocks.length - 1) / 2)] ?? 0;
  return Math.abs((upper + lower) / 2);
}
