import type { Clock, Timer } from '../../src/runtime/clock.ts';
import type { Random } from '../../src/runtime/random.ts';

/**
 * Virtual time: callbacks in the order of their moment, then of their scheduling. It advances only
 * when a test says so, and after each callback it lets all promises settle.
 */
export class SimulatedTime {
  readonly #events: SimulatedEvent[] = [];
  #nowMs = 1_000;
  #sequence = 0;
  #isAdvancing = false;

  get nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, callback: () => void): Timer {
    const event = { atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, callback };
    this.#insert(event);
    return {
      cancel: () => {
        event.callback = () => undefined;
      },
    };
  }

  /** Runs all that happens in the next `durationMs`. One at a time: time is one. */
  async advance(durationMs: number): Promise<void> {
    if (this.#isAdvancing)
      throw new Error('time is already advancing: settle all promises at once');
    this.#isAdvancing = true;
    const untilMs = this.#nowMs + durationMs;
    await settlePromises();
    for (let event = this.#events[0]; event && event.atMs <= untilMs; event = this.#events[0]) {
      this.#events.shift();
      this.#nowMs = event.atMs;
      event.callback();
      await settlePromises();
    }
    this.#nowMs = untilMs;
    this.#isAdvancing = false;
  }

  /** Advances until a promise settles, at most `limitMs`. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    const done = () => {
      isSettled = true;
    };
    promise.then(done, done);
    const untilMs = this.#nowMs + limitMs;
    await settlePromises();
    while (!isSettled) {
      const [next] = this.#events;
      if (next === undefined || next.atMs > untilMs) throw new Error('the promise never settles');
      await this.advance(next.atMs - this.#nowMs);
    }
    return promise;
  }

  /** Advances until a condition holds, at most `limitMs`. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    while (!condition()) {
      if (this.#nowMs >= untilMs) throw new Error(`no such moment within ${limitMs} ms`);
      await this.advance(1);
    }
  }

  #insert(event: SimulatedEvent): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle];
      if (other !== undefined && other.atMs <= event.atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }
}

interface SimulatedEvent {
  readonly atMs: number;
  readonly sequence: number;
  callback: () => void;
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

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  realtimeMs(): number {
    return realtimeStartMs + this.#time.nowMs + this.skewMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return this.#time.at(this.#time.nowMs + delayMs, () => this.run(callback));
  }

  /** Runs something in the node's process: later if it is paused, never if it is dead. */
  run(callback: () => void): void {
    if (this.#state === 'running') callback();
    else if (this.#state === 'paused') this.#held.push(callback);
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
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

/** 2026-01-01. */
const realtimeStartMs = 1_767_225_600_000;

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
