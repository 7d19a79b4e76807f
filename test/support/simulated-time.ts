import type { Clock, Timer } from '../../src/runtime/clock.ts';
import type { Random } from '../../src/runtime/random.ts';

/**
 * Virtual time: callbacks in the order of their moment, then of their scheduling. It advances only
 * when a test says so, and after each callback it lets all promises settle.
 */
export class SimulatedTime {
  /** A binary heap. */
  readonly #events: SimulatedEvent[] = [];
  #nowMs = 1_000;
  #sequence = 0;
  #isAdvancing = false;

  get nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, callback: () => void): Timer {
    const event: SimulatedEvent = {
      atMs: Math.max(atMs, this.#nowMs),
      sequence: this.#sequence++,
      callback,
    };
    this.#insert(event);
    return {
      cancel: () => {
        event.callback = undefined;
      },
    };
  }

  /** Runs all that happens in the next `durationMs`. One at a time: time is one. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await this.#run(untilMs, () => false);
    this.#nowMs = untilMs;
  }

  /** Advances until a promise settles, at most `limitMs`. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    const done = () => {
      isSettled = true;
    };
    promise.then(done, done);
    await this.#run(this.#nowMs + limitMs, () => isSettled);
    if (!isSettled) throw new Error('the promise never settles');
    return promise;
  }

  /** Advances until a condition holds, at most `limitMs`, and looks every `stepMs`. */
  async until(condition: () => boolean, limitMs = 60_000, stepMs = 1): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    while (!condition()) {
      if (this.#nowMs >= untilMs) throw new Error(`no such moment within ${limitMs} ms`);
      await this.advance(stepMs);
    }
  }

  /**
   * Runs events until one would be later, or `isOver`. Each runs in an immediate of its own, since
   * all promises settle between two of them; many are asked for at once, since that costs less.
   */
  #run(untilMs: number, isOver: () => boolean): Promise<void> {
    if (this.#isAdvancing) {
      throw new Error('time is already advancing: settle all promises at once');
    }
    this.#isAdvancing = true;
    return new Promise((resolve, reject) => {
      let asked = 0;
      let isEnded = false;
      const end = (finish: () => void) => {
        isEnded = true;
        this.#isAdvancing = false;
        finish();
      };
      const step = () => {
        if (isEnded) return;
        try {
          const event = isOver() ? undefined : this.#takeUntil(untilMs);
          if (event === undefined) end(resolve);
          else {
            this.#nowMs = event.atMs;
            event.callback?.();
          }
        } catch (error: unknown) {
          end(() => reject(error));
        }
        asked--;
        if (asked === 0) ask();
      };
      const ask = () => {
        for (; asked < stepsAtOnce; asked++) setImmediate(step);
      };
      ask();
    });
  }

  /** Takes out the first event that was not cancelled; `undefined` if it would be later. */
  #takeUntil(untilMs: number): SimulatedEvent | undefined {
    for (;;) {
      const [first] = this.#events;
      if (first === undefined || first.atMs > untilMs) return undefined;
      this.#removeFirst();
      if (first.callback !== undefined) return first;
    }
  }

  #insert(event: SimulatedEvent): void {
    let index = this.#events.length;
    for (; index > 0; ) {
      const parent = (index - 1) >> 1;
      const other = this.#events[parent];
      if (other === undefined || isBefore(other, event)) break;
      this.#events[index] = other;
      index = parent;
    }
    this.#events[index] = event;
  }

  #removeFirst(): void {
    const last = this.#events.pop();
    if (last === undefined || this.#events.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const [left, right] = [this.#events[child], this.#events[child + 1]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      if (isRight) child++;
      const smaller = isRight ? right : left;
      if (isBefore(last, smaller)) break;
      this.#events[index] = smaller;
      index = child;
    }
    this.#events[index] = last;
  }
}

interface SimulatedEvent {
  readonly atMs: number;
  readonly sequence: number;
  /** `undefined` once cancelled. */
  callback: (() => void) | undefined;
}

const stepsAtOnce = 16;

function isBefore(left: SimulatedEvent, right: SimulatedEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence);
}

/** Lets everything that waits for promises only go on. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where a node runs: its clock may be wrong, its process may be paused or gone. */
export class SimulatedHost implements Clock {
  readonly #time: SimulatedTime;
  readonly #held: (() => void)[] = [];
  #state: 'running' | 'paused' | 'dead' = 'running';
  /** How far this clock is ahead of the true one. */
  skewMs = 0;
  /** How many milliseconds it gains in one. */
  drift = 0;
  /** How often it was paused. */
  pauses = 0;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  realtimeMs(): number {
    const { nowMs } = this.#time;
    return realtimeStartMs + nowMs + this.skewMs + this.drift * nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return this.#time.at(this.#time.nowMs + delayMs, () => this.run(callback));
  }

  /** Runs something in the node's process: later if it is paused, never if it is dead. */
  run(callback: () => void): void {
    if (this.#state === 'running') callback();
    else if (this.#state === 'paused') this.#held.push(callback);
  }

  get isPaused(): boolean {
    return this.#state === 'paused';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  pause(): void {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.pauses++;
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const callback of this.#held.splice(0)) this.run(callback);
  }

  kill(): void {
    this.#state = 'dead';
    this.#held.length = 0;
  }
}

/** 2026-01-01: the real time at which simulated time is 0. */
export const realtimeStartMs = 1_767_225_600_000;

/** Chance from a seed (mulberry32 by Tommy Ettinger). */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  uint64(): bigint {
    const high = BigInt(Math.floor(this.fraction() * 4_294_967_296));
    return (high << 32n) | BigInt(Math.floor(this.fraction() * 4_294_967_296));
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}
