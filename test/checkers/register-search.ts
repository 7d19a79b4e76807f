import assert from 'node:assert/strict';
import { mayBeGone, mayBeThere } from './expiry.ts';

/**
 * Whether there is an order of reads and writes of one register that explains all of them: the
 * search of Wing and Gong (1993) with the memory of Lowe ("Testing for linearizability", 2017).
 *
 * A configuration is the set of steps that were put in order and the text that they leave. Lowe
 * keeps the set as bits; here it is `next`, before which all steps are in order but the `open` ones,
 * which is the same and as short as the number of clients. Most choices are none:
 *
 * - A read that is right now, and that no step has to come before, may as well come now.
 * - A text is written once, so all its reads come before the next write; if one cannot, this
 *   configuration leads nowhere.
 * - When nothing but a write can be next, the puts come first whose text is never found and that
 *   never expire: in any order that works, each can be moved there, for no read depends on it.
 * - An {@link Uncertain} write comes directly before a read that is wrong without it. In any order
 *   that works it can be moved there, for it has no end, and dropped if there is no such read. So
 *   those whose text nobody found are left out from the start, unless they can explain a read of
 *   "absent": deletes, and puts that expire. Uncertain deletes are all alike: only how many are used
 *   up counts, and fewer is better.
 */
export interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly isWrite: boolean;
  /** `undefined` is "absent". Each text is written by one step or uncertain write at most. */
  readonly text: string | undefined;
}

/** A write that may happen at any time after its start, or never. */
export interface Uncertain {
  readonly startMs: number;
  readonly text: string | undefined;
}

export interface Register {
  readonly steps: readonly Step[];
  readonly uncertain: readonly Uncertain[];
  /** Missing: never. */
  readonly expiries: ReadonlyMap<string, number>;
}

export type SearchOutcome = 'explained' | 'unexplained' | 'undecided';

/** A text that no read asks for, nor can. */
const useless = Symbol('useless');

type State = string | undefined | typeof useless;

interface Configuration {
  readonly next: number;
  /** The steps before `next` that are still to come, in the order of their starts. */
  readonly open: readonly number[];
  readonly state: State;
  readonly deletesUsed: number;
  /** The uncertain puts used that expire: indices, in ascending order. */
  readonly expiringUsed: readonly number[];
}

interface Candidates {
  readonly steps: readonly number[];
  /** Before the end of each step that is still to come. */
  readonly endMs: number;
}

/** @param statesMax after so many configurations the answer is "undecided". */
export function searchRegister(register: Register, statesMax: number): SearchOutcome {
  return new Search(register).run(statesMax);
}

class Search {
  readonly #steps: readonly Step[];
  readonly #expiries: ReadonlyMap<string, number>;
  readonly #deleteStartsMs: readonly number[];
  readonly #puts: ReadonlyMap<string, Uncertain>;
  readonly #expiring: readonly (Uncertain & { readonly text: string })[];
  /** By text the last step that finds it. */
  readonly #lastReads = new Map<string, number>();

  constructor({ steps, uncertain, expiries }: Register) {
    this.#steps = [...steps].sort((left, right) => left.startMs - right.startMs);
    this.#expiries = expiries;
    for (const [index, { isWrite, text }] of this.#steps.entries()) {
      if (!isWrite && text !== undefined) this.#lastReads.set(text, index);
    }
    const deletes = uncertain.filter(({ text }) => text === undefined);
    this.#deleteStartsMs = deletes
      .map(({ startMs }) => startMs)
      .sort((left, right) => left - right);
    const puts = uncertain.flatMap(({ startMs, text }) =>
      text === undefined ? [] : [{ startMs, text }],
    );
    this.#puts = new Map(puts.map((put) => [put.text, put]));
    this.#expiring = puts.filter(({ text }) => expiries.has(text));
    const written = [...steps.filter(({ isWrite }) => isWrite), ...uncertain].flatMap(
      ({ text }) => text ?? [],
    );
    assert.equal(new Set(written).size, written.length, 'each put writes a text of its own');
  }

  run(statesMax: number): SearchOutcome {
    /** How few uncertain deletes led to each configuration. */
    const seen = new Map<string, number>();
    const stack: Configuration[] = [
      { next: 0, open: [], state: undefined, deletesUsed: 0, expiringUsed: [] },
    ];
    for (let from = stack.pop(); from !== undefined; from = stack.pop()) {
      const settled = this.#settle(from);
      if (settled === undefined) continue;
      if (settled.next === this.#steps.length && settled.open.length === 0) return 'explained';
      const key = keyOf(settled);
      if ((seen.get(key) ?? Number.POSITIVE_INFINITY) <= settled.deletesUsed) continue;
      if (seen.size >= statesMax) return 'undecided';
      seen.set(key, settled.deletesUsed);
      // What has to happen first is tried first, so it goes on top.
      stack.push(...this.#choices(settled).reverse());
    }
    return 'unexplained';
  }

  /** Puts in order all that needs no choice. Returns `undefined` if this leads nowhere. */
  #settle(from: Configuration): Configuration | undefined {
    let settled = from;
    while (true) {
      const { steps } = this.#candidates(settled);
      const { state } = settled;
      const right = steps.find((step) => this.#isRight(step, state));
      if (right !== undefined) {
        settled = this.#without(settled, right, state);
        continue;
      }
      if (this.#isAskedFor(settled)) return undefined;
      const unread = steps.find((step) => this.#isNeverFound(step));
      if (unread !== undefined) settled = this.#without(settled, unread, useless);
      else if (typeof state === 'string' && !this.#expiries.has(state)) {
        return { ...settled, state: useless };
      } else return settled;
    }
  }

  #choices(from: Configuration): Configuration[] {
    const candidates = this.#candidates(from);
    const writes = candidates.steps.filter((step) => this.#step(step).isWrite);
    const reads = candidates.steps.map((step) => this.#step(step)).filter((step) => !step.isWrite);
    const absentEndsMs = reads.flatMap(({ text, endMs }) => (text === undefined ? endMs : []));
    const uncertain = [
      ...reads.flatMap(({ text }) => (text === undefined ? [] : (this.#puts.get(text) ?? []))),
      ...this.#expiring.filter(
        ({ text }, index) =>
          !from.expiringUsed.includes(index) &&
          absentEndsMs.some((endMs) => mayBeGone(this.#expiries.get(text), endMs)),
      ),
    ].filter(({ startMs }) => startMs <= candidates.endMs);
    const deleteStartMs = this.#deleteStartsMs[from.deletesUsed] ?? Number.POSITIVE_INFINITY;
    const mayDelete = absentEndsMs.length > 0 && deleteStartMs <= candidates.endMs;
    return [
      ...writes
        .sort((left, right) => this.#step(left).endMs - this.#step(right).endMs)
        .map((step) => this.#without(from, step, this.#step(step).text)),
      ...[...new Set(uncertain.map(({ text }) => text))].map((text) => this.#afterPut(from, text)),
      ...(mayDelete ? [{ ...from, state: undefined, deletesUsed: from.deletesUsed + 1 }] : []),
    ];
  }

  #afterPut(from: Configuration, state: string | undefined): Configuration {
    const index = this.#expiring.findIndex(({ text }) => text === state);
    if (index === -1) return { ...from, state };
    const expiringUsed = [...from.expiringUsed, index].sort((left, right) => left - right);
    return { ...from, state, expiringUsed };
  }

  /** The steps that may be next: each begins before all others that are still to come end. */
  #candidates({ next, open }: Configuration): Candidates {
    const steps: number[] = [];
    let endMs = Number.POSITIVE_INFINITY;
    const isNext = (index: number) => {
      const step = this.#steps[index];
      if (step === undefined || step.startMs > endMs) return false;
      endMs = Math.min(endMs, step.endMs);
      steps.push(index);
      return true;
    };
    if (open.every(isNext)) for (let index = next; isNext(index); ) index++;
    return { steps, endMs };
  }

  #without(from: Configuration, step: number, state: State): Configuration {
    const { next, open } = from;
    if (step < next) return { ...from, state, open: open.filter((other) => other !== step) };
    const passed = Array.from({ length: step - next }, (_, index) => next + index);
    return { ...from, state, next: step + 1, open: [...open, ...passed] };
  }

  #isRight(index: number, state: State): boolean {
    const { isWrite, text, startMs, endMs } = this.#step(index);
    if (isWrite || state === useless) return false;
    const expireTimeMs = state === undefined ? undefined : this.#expiries.get(state);
    if (text === undefined) return state === undefined || mayBeGone(expireTimeMs, endMs);
    return state === text && mayBeThere(expireTimeMs, startMs);
  }

  /** Whether a read is still to come that found the text of now. */
  #isAskedFor({ next, open, state }: Configuration): boolean {
    if (typeof state !== 'string') return false;
    if ((this.#lastReads.get(state) ?? -1) >= next) return true;
    return open.map((index) => this.#step(index)).some((step) => isReadOf(step, state));
  }

  #isNeverFound(index: number): boolean {
    const { isWrite, text } = this.#step(index);
    if (!isWrite || text === undefined) return false;
    return !this.#lastReads.has(text) && !this.#expiries.has(text);
  }

  #step(index: number): Step {
    const step = this.#steps[index];
    assert(step !== undefined, 'an index of a step');
    return step;
  }
}

function isReadOf({ isWrite, text }: Step, state: string): boolean {
  return !isWrite && text === state;
}

function keyOf({ next, open, state, expiringUsed }: Configuration): string {
  const name = typeof state === 'string' ? `=${state}` : state === useless ? '*' : '';
  return `${next} ${open.join()} ${expiringUsed.join()} ${name}`;
}
