import assert from 'node:assert/strict';

/** A read or a write that happens at some moment between its start and its end. */
export interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly isWrite: boolean;
  /** `undefined` is "absent". Each text is written by one step or uncertain write at most. */
  readonly text: string | undefined;
}

/** The steps that are not in order yet. */
export interface Remaining {
  /** All from here on. */
  readonly next: number;
  /** Those before `next`, in the order of their starts. */
  readonly open: readonly number[];
}

interface Candidates {
  readonly steps: readonly number[];
  /** Before the end of each step that is still to come. */
  readonly endMs: number;
}

/** The steps that a search puts in order, numbered by their starts. */
export class Steps {
  readonly #steps: readonly Step[];
  /** By text the last step that finds it. */
  readonly #lastReads = new Map<string, number>();
  /** For each step the ends of those reads of "absent" that are not before it. */
  readonly #absentEnds: Span[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps.toSorted((left, right) => left.startMs - right.startMs);
    for (const [index, { isWrite, text }] of this.#steps.entries()) {
      if (!isWrite && text !== undefined) this.#lastReads.set(text, index);
    }
    let span = noSpan;
    this.#absentEnds = this.#steps.map(() => span);
    for (let index = this.#steps.length - 1; index >= 0; index--) {
      span = widened(span, this.at(index));
      this.#absentEnds[index] = span;
    }
  }

  at(index: number): Step {
    const step = this.#steps[index];
    assert(step !== undefined, 'an index of a step');
    return step;
  }

  isEmpty({ next, open }: Remaining): boolean {
    return next === this.#steps.length && open.length === 0;
  }

  without({ next, open }: Remaining, step: number): Remaining {
    if (step < next) return { next, open: open.filter((other) => other !== step) };
    const passed = Array.from({ length: step - next }, (_, index) => next + index);
    return { next: step + 1, open: [...open, ...passed] };
  }

  /** The steps that may be next: each begins before all others that are still to come end. */
  candidates({ next, open }: Remaining): Candidates {
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

  /** Whether a read is still to come that found a text. */
  isAskedFor({ next, open }: Remaining, text: string): boolean {
    if ((this.#lastReads.get(text) ?? -1) >= next) return true;
    return open.some((index) => {
      const step = this.at(index);
      return !step.isWrite && step.text === text;
    });
  }

  /** The ends of the reads of "absent" that are still to come. */
  absentEndsOf({ next, open }: Remaining): Span {
    return open.reduce(
      (span, index) => widened(span, this.at(index)),
      this.#absentEnds[next] ?? noSpan,
    );
  }
}

/** The earliest and the latest of some times; none if the earliest is later. */
export interface Span {
  readonly minMs: number;
  readonly maxMs: number;
}

const noSpan: Span = { minMs: Number.POSITIVE_INFINITY, maxMs: Number.NEGATIVE_INFINITY };

/** With the end of a step if it is a read of "absent". */
function widened({ minMs, maxMs }: Span, { isWrite, text, endMs }: Step): Span {
  if (isWrite || text !== undefined) return { minMs, maxMs };
  return { minMs: Math.min(minMs, endMs), maxMs: Math.max(maxMs, endMs) };
}
