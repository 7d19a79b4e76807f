import { mayBeGone, mayBeThere } from './expiry.ts';
import { type Remaining, type Span, type Step, Steps } from './steps.ts';

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

/** A text that no read to come depends on. */
const useless = Symbol('useless');

type State = string | undefined | typeof useless;

/** How many of the reads of "absent" that are to come are right after a write. */
type Service = 'none' | 'some' | 'all';

interface Configuration extends Remaining {
  readonly state: State;
  readonly deletesUsed: number;
  /** The texts of uncertain puts used that expire, in order. */
  readonly expiringUsed: readonly string[];
}

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
 * - When nothing but a write can be next, those come first that no read depends on, neither on their
 *   text nor on their absence: in any order that works, each can be moved there.
 * - Of writes that are all as good as a delete, the one that ends first comes first.
 * - An {@link Uncertain} write comes directly before a read that is wrong without it. In any order
 *   that works it can be moved there, for it has no end, and dropped if there is no such read. So
 *   those whose text nobody found are left out, unless they can explain a read of "absent": deletes,
 *   and puts that expire. Uncertain deletes are all alike: only how many are used up counts, and
 *   fewer is better.
 *
 * @param statesMax after so many configurations the answer is "undecided".
 */
export function searchRegister(register: Register, statesMax: number): SearchOutcome {
  return new Search(register).run(statesMax);
}

class Search {
  readonly #steps: Steps;
  readonly #expiries: ReadonlyMap<string, number>;
  readonly #deleteStartsMs: readonly number[];
  readonly #puts: ReadonlyMap<string, Uncertain>;
  readonly #expiring: readonly (Uncertain & { readonly text: string })[];

  constructor({ steps, uncertain, expiries }: Register) {
    this.#steps = new Steps(steps);
    this.#expiries = expiries;
    const deletes = uncertain.filter(({ text }) => text === undefined);
    this.#deleteStartsMs = deletes
      .map(({ startMs }) => startMs)
      .sort((left, right) => left - right);
    const puts = uncertain.flatMap(({ startMs, text }) =>
      text === undefined ? [] : [{ startMs, text }],
    );
    this.#puts = new Map(puts.map((put) => [put.text, put]));
    this.#expiring = puts
      .filter(({ text }) => expiries.has(text))
      .sort((left, right) => left.startMs - right.startMs);
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
      if (this.#steps.isEmpty(settled)) return 'explained';
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
      const { steps } = this.#steps.candidates(settled);
      const { state } = settled;
      const right = steps.find((step) => this.#isRight(step, state));
      if (right !== undefined) {
        settled = this.#without(settled, right, state);
        continue;
      }
      if (typeof state === 'string' && this.#steps.isAskedFor(settled, state)) return undefined;
      const ends = this.#steps.absentEndsOf(settled);
      const unseen = steps.find((step) => this.#serviceOf(settled, step, ends) === 'none');
      if (unseen !== undefined) settled = this.#without(settled, unseen, useless);
      else return settled;
    }
  }

  #choices(from: Configuration): Configuration[] {
    const { steps, endMs } = this.#steps.candidates(from);
    const ends = this.#steps.absentEndsOf(from);
    const writes = steps
      .filter((step) => this.#steps.at(step).isWrite)
      .sort((left, right) => this.#steps.at(left).endMs - this.#steps.at(right).endMs);
    const services = writes.map((step) => this.#serviceOf(from, step, ends));
    const chosen = writes.filter(
      (_, index) => services[index] !== 'all' || services.indexOf('all') === index,
    );
    return [
      ...chosen.map((step) => this.#without(from, step, this.#steps.at(step).text)),
      ...this.#uncertainChoices(from, steps, endMs, ends),
    ];
  }

  #uncertainChoices(
    from: Configuration,
    steps: readonly number[],
    endMs: number,
    ends: Span,
  ): Configuration[] {
    const reads = steps.map((step) => this.#steps.at(step)).filter(({ isWrite }) => !isWrite);
    const found = new Set(reads.flatMap(({ text }) => text ?? []));
    const puts = [...found].flatMap((text) => this.#puts.get(text) ?? []);
    const isDelete: Uncertain[] = [];
    const absentEndsMs = reads.flatMap((read) => (read.text === undefined ? read.endMs : []));
    if (absentEndsMs.length > 0) {
      for (const put of this.#expiring) {
        if (put.startMs > endMs) break;
        const { text } = put;
        if (found.has(text) || from.expiringUsed.includes(text)) continue;
        const expireTimeMs = this.#expiries.get(text);
        if (!absentEndsMs.some((absentMs) => mayBeGone(expireTimeMs, absentMs))) continue;
        const isLikeDelete =
          !this.#steps.isAskedFor(from, text) && this.#serviceOfText(text, ends) === 'all';
        (isLikeDelete ? isDelete : puts).push(put);
      }
    }
    const deleteStartMs = this.#deleteStartsMs[from.deletesUsed] ?? Number.POSITIVE_INFINITY;
    const mayDelete = absentEndsMs.length > 0 && deleteStartMs <= endMs;
    return [
      ...[...puts, ...isDelete.slice(0, 1)]
        .filter(({ startMs }) => startMs <= endMs)
        .map(({ text }) => this.#afterPut(from, text)),
      ...(mayDelete && isDelete.length === 0
        ? [{ ...from, state: undefined, deletesUsed: from.deletesUsed + 1 }]
        : []),
    ];
  }

  #afterPut(from: Configuration, text: string | undefined): Configuration {
    if (text === undefined || !this.#expiries.has(text)) return { ...from, state: text };
    return { ...from, state: text, expiringUsed: [...from.expiringUsed, text].sort() };
  }

  #without(from: Configuration, step: number, state: State): Configuration {
    return { ...from, ...this.#steps.without(from, step), state };
  }

  #isRight(index: number, state: State): boolean {
    const { isWrite, text, startMs, endMs } = this.#steps.at(index);
    if (isWrite || state === useless) return false;
    const expireTimeMs = state === undefined ? undefined : this.#expiries.get(state);
    if (text === undefined) return state === undefined || mayBeGone(expireTimeMs, endMs);
    return state === text && mayBeThere(expireTimeMs, startMs);
  }

  /** The service of a write, or `undefined` if it is a read or its text is asked for. */
  #serviceOf(from: Configuration, index: number, ends: Span): Service | undefined {
    const { isWrite, text } = this.#steps.at(index);
    if (!isWrite || (text !== undefined && this.#steps.isAskedFor(from, text))) return undefined;
    return this.#serviceOfText(text, ends);
  }

  #serviceOfText(text: string | undefined, { minMs, maxMs }: Span): Service {
    if (minMs > maxMs) return 'none';
    if (text === undefined) return 'all';
    const expireTimeMs = this.#expiries.get(text);
    if (mayBeGone(expireTimeMs, minMs)) return 'all';
    return mayBeGone(expireTimeMs, maxMs) ? 'some' : 'none';
  }
}

/** Whatever comes next takes the place of the state, so that makes no difference. */
function keyOf({ next, open, expiringUsed }: Configuration): string {
  return `${next} ${open.join()} ${JSON.stringify(expiringUsed)}`;
}
