import assert from 'node:assert/strict';
import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import { expiriesOf, mayBeGone } from './expiry.ts';
import type { Call } from './history.ts';
import {
  type Register,
  type SearchOutcome,
  searchRegister,
  type Uncertain,
} from './register-search.ts';
import type { Step } from './steps.ts';
import { hasTornZone } from './zones.ts';

/**
 * Whether what QUORUM and ALL showed of one key can be explained by a register that does one call
 * after the other, each between its beginning and its end. Only texts count, not versions.
 *
 * Judged are the gets that succeeded at QUORUM and ALL. Puts and deletes that succeeded there happen
 * between their beginning and their end; all others that did not fail, and all of level ONE, TWO and
 * THREE, happen at any time after their beginning, or never. An end and a beginning in the same
 * millisecond overlap.
 */
export type Verdict =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'undecided' }
  /** A few calls that contradict each other, taken from the shortest beginning that does. */
  | { readonly kind: 'violated'; readonly calls: readonly Call[] };

/** More are only needed where very many calls overlap. */
const statesMaxDefault = 200_000;
const shrinkingsMax = 500;

/** Judges the calls of one key, in any order. */
export function linearizabilityOf(
  calls: readonly Call[],
  statesMax: number = statesMaxDefault,
): Verdict {
  const history = new History(calls, statesMax);
  const outcome = history.search(calls, Number.POSITIVE_INFINITY);
  if (outcome === 'explained') return { kind: 'linearizable' };
  if (outcome === 'undecided') return { kind: 'undecided' };
  const untilMs = history.shortestBeginning();
  return { kind: 'violated', calls: history.shrink(untilMs) };
}

class History {
  readonly #calls: readonly Call[];
  readonly #statesMax: number;
  readonly #expiries: ReadonlyMap<string, number>;

  constructor(calls: readonly Call[], statesMax: number) {
    this.#calls = calls;
    this.#statesMax = statesMax;
    this.#expiries = expiriesOf(calls);
    const texts = calls.flatMap(({ kind, text }) => (kind === 'put' ? text : []));
    assert.equal(new Set(texts).size, texts.length, 'each put writes a text of its own');
  }

  /** Searches an order for what is known of some calls at a time: later ends are unknown. */
  search(calls: readonly Call[], untilMs: number): SearchOutcome {
    const register = registerOf(calls, this.#expiries, untilMs);
    return hasTornZone(register) ? 'unexplained' : searchRegister(register, this.#statesMax);
  }

  /** The earliest time at which no order is left. Once that is so, more calls do not help. */
  shortestBeginning(): number {
    const endsMs = this.#calls.flatMap((call) => (isCertain(call) ? (call.endMs ?? []) : []));
    endsMs.sort((left, right) => left - right);
    let low = 0;
    let high = endsMs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const outcome = this.search(this.#calls, endsMs[middle] ?? 0);
      if (outcome === 'unexplained') high = middle;
      else low = middle + 1;
    }
    return endsMs[high] ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Leaves out what does not matter, in ever smaller pieces. A get can be left out, and so can a
   * write that no other call can have seen: an order for all would be one for the others as well.
   */
  shrink(untilMs: number): readonly Call[] {
    let kept = this.#calls
      .filter((call) => call.startMs <= untilMs && isOfUse(call, untilMs))
      .sort((left, right) => left.startMs - right.startMs);
    let tries = 0;
    for (let size = kept.length; size >= 1; size = size > 1 ? size >> 1 : 0) {
      for (let from = 0; from < kept.length && tries < shrinkingsMax; tries++) {
        const fewer = this.#without(kept, from, from + size, untilMs);
        const isEnough =
          fewer.length < kept.length && this.search(fewer, untilMs) === 'unexplained';
        if (isEnough) kept = fewer;
        else from += size;
      }
    }
    return kept;
  }

  #without(calls: readonly Call[], from: number, to: number, untilMs: number): Call[] {
    const others = calls.filter((_, index) => index < from || index >= to);
    const absences = others.filter(({ kind, text }) => kind === 'get' && text === undefined);
    const found = new Set(others.flatMap(({ kind, text }) => (kind === 'get' ? (text ?? []) : [])));
    const writes = others.filter((call) => call.kind !== 'get' && isKnown(call, untilMs));
    const sights = absences.map(({ startMs, endMs = startMs }) => ({
      endMs,
      sinceMs: lastStartMs(writes, startMs),
    }));
    const isSeen = (write: Call) => {
      const { text } = write;
      if (text !== undefined && found.has(text)) return true;
      const isOverMs = isKnown(write, untilMs) ? (write.endMs ?? untilMs) : untilMs;
      const expireTimeMs = text === undefined ? undefined : this.#expiries.get(text);
      return sights.some(
        ({ endMs, sinceMs }) =>
          sinceMs <= isOverMs && (text === undefined || mayBeGone(expireTimeMs, endMs)),
      );
    };
    return calls.filter((call, index) => {
      const isInside = index >= from && index < to;
      return !isInside || (call.kind !== 'get' && isSeen(call));
    });
  }
}

/** What a register has to explain of the calls of one key; ends after `untilMs` are unknown. */
export function registerOf(
  calls: readonly Call[],
  expiries: ReadonlyMap<string, number> = expiriesOf(calls),
  untilMs: number = Number.POSITIVE_INFINITY,
): Register {
  const steps: Step[] = [];
  const uncertain: Uncertain[] = [];
  for (const call of calls) {
    const { kind, startMs, endMs, text } = call;
    const isWrite = kind !== 'get';
    if (endMs !== undefined && isKnown(call, untilMs))
      steps.push({ startMs, endMs, isWrite, text });
    else if (isWrite && call.outcome !== 'failed' && startMs <= untilMs) {
      uncertain.push({ startMs, text });
    }
  }
  return { steps, uncertain, expiries };
}

/** The last beginning of writes that had ended before a time: older ones are overwritten by then. */
function lastStartMs(writes: readonly Call[], timeMs: number): number {
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs = timeMs } of writes) {
    if (endMs < timeMs) lastMs = Math.max(lastMs, startMs);
  }
  return lastMs;
}

/** Whether a call is certain to have happened by a time. */
function isKnown(call: Call, untilMs: number): boolean {
  return isCertain(call) && (call.endMs ?? untilMs) <= untilMs;
}

function isCertain({ level, outcome, endMs }: Call): boolean {
  return isLinearizable(level) && outcome === 'ok' && endMs !== undefined;
}

function isOfUse(call: Call, untilMs: number): boolean {
  if (call.kind !== 'get') return call.outcome !== 'failed';
  return isKnown(call, untilMs);
}
