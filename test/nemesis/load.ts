import type { Call } from '../checkers/history.ts';
import type { SeededRandom } from '../support/simulated-time.ts';
import type { Caller, Wish } from './caller.ts';

/** So many calls a second, whatever becomes of them, and the history that they make. */
export interface LoadOptions {
  /** Calls a second, from the end of the warm-up on. */
  readonly rate: number;
  /** In this time the rate rises from nothing: code that has just started is slow. */
  readonly warmUpMs: number;
}

/** A call of the history. It was due at `dueMs`, from where its latency counts. */
export interface TimedCall extends Call {
  readonly dueMs: number;
  /** What the coordinators said that did not do it. */
  readonly errors: readonly string[];
}

const tickMs = 2;
const keysCount = 300;
const hotKeysCount = 4;
/** How many calls of a hundred are of a hot key, are gets, and are puts; the others are deletes. */
const hotPercent = 20;
const getPercent = 50;
const putPercent = 40;
/** How many calls of a hundred are at ALL, and at ONE; the others are at QUORUM. */
const allPercent = 1;
const onePercent = 2;
/** Only one key of so many gets puts at ONE: the others promise more. */
const weakKeyEvery = 8;

export class Load {
  readonly calls: TimedCall[] = [];
  readonly #random: SeededRandom;
  readonly #caller: Caller;
  readonly #options: LoadOptions;
  readonly #keys: readonly Uint8Array[];
  readonly #idle: string[] = [];
  readonly #open = new Set<Promise<void>>();
  #clients = 0;
  #made = 0;
  #startMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(random: SeededRandom, caller: Caller, options: LoadOptions) {
    this.#random = random;
    this.#caller = caller;
    this.#options = options;
    // 151 has no factor in common with 256: neighbours in this list are not neighbours on the ring.
    this.#keys = Array.from({ length: keysCount }, (_, index) =>
      Uint8Array.of((index * 151) % 256, 1 + (index >> 8), index % 256),
    );
  }

  start(): void {
    this.#startMs = performance.now();
    this.#timer = setInterval(() => this.#makeDue(), tickMs);
  }

  /** Settles when the last call has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  /** Reads every key at QUORUM, as part of the history. @returns which could not be read. */
  async readAll(): Promise<readonly string[]> {
    const unread: string[] = [];
    for (const key of this.#keys) {
      const wish: Wish = { key, kind: 'get', level: 'QUORUM', text: '' };
      let { outcome } = await this.#make(wish, performance.now());
      for (let tries = 1; outcome !== 'ok' && tries < 5; tries++) {
        outcome = (await this.#make(wish, performance.now())).outcome;
      }
      if (outcome !== 'ok') unread.push(nameOf(key));
    }
    return unread;
  }

  #makeDue(): void {
    const nowMs = performance.now();
    for (; ; this.#made++) {
      const dueMs = this.#startMs + this.#dueMs(this.#made);
      if (dueMs > nowMs) return;
      const made: Promise<void> = this.#make(this.#draw(), dueMs).then(() => {
        this.#open.delete(made);
      });
      this.#open.add(made);
    }
  }

  /** How long after the start a call is due, by its number. */
  #dueMs(index: number): number {
    const { rate, warmUpMs } = this.#options;
    const duringWarmUp = (rate * warmUpMs) / 2_000;
    return index < duringWarmUp
      ? warmUpMs * Math.sqrt(index / duringWarmUp)
      : warmUpMs + ((index - duringWarmUp) * 1_000) / rate;
  }

  #draw(): Wish {
    const isHot = this.#random.below(100) < hotPercent;
    const index = this.#random.below(isHot ? hotKeysCount : keysCount);
    const kindAt = this.#random.below(100);
    const kind = kindAt < getPercent ? 'get' : kindAt < getPercent + putPercent ? 'put' : 'delete';
    const levelAt = this.#random.below(100);
    const mayBeWeak = kind === 'get' || index % weakKeyEvery === weakKeyEvery - 1;
    const isWeak = levelAt < allPercent + onePercent && mayBeWeak;
    const level = levelAt < allPercent ? 'ALL' : isWeak ? 'ONE' : 'QUORUM';
    return { key: this.#keys[index] ?? Uint8Array.of(0), kind, level, text: `w${this.#made}` };
  }

  async #make(wish: Wish, dueMs: number): Promise<TimedCall> {
    const client = this.#idle.pop() ?? `client${this.#clients++}`;
    const told = await this.#caller.call(wish);
    const isHeard = told.outcome !== 'uncertain';
    const call: TimedCall = {
      client,
      key: nameOf(wish.key),
      kind: wish.kind,
      level: wish.level,
      startMs: told.startMs,
      endMs: isHeard ? performance.now() : undefined,
      outcome: told.outcome,
      text: wish.kind === 'put' ? wish.text : told.text,
      version: told.version ?? '',
      dueMs,
      errors: told.errors,
    };
    this.calls.push(call);
    // A client that never heard of its call makes no other.
    if (isHeard) this.#idle.push(client);
    return call;
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}
