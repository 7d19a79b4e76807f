import { linesOf } from './call-lines.ts';
import type { Call } from './history.ts';
import { linearizabilityOf } from './linearizability.ts';
import { inventionsIn } from './values.ts';
import { backwardsIn } from './version-order.ts';
import { brokenWeakPromisesIn, type WeakLevelOptions } from './weak-levels.ts';

export interface CheckOptions extends WeakLevelOptions {
  /** How many configurations of one key are looked at before it is called undecided. */
  readonly statesMax?: number;
}

/** How many calls of a kind and level ended how. */
export interface SummaryRow {
  readonly kind: Call['kind'];
  readonly level: Call['level'];
  readonly ok: number;
  readonly uncertain: number;
  readonly failed: number;
}

/** All that a history of any number of keys shows and docs/consistency.md does not admit. */
export function problemsOf(calls: readonly Call[], options: CheckOptions = {}): string[] {
  return [...callsByKey(calls)].flatMap(([key, ofKey]) =>
    problemsOfKey(ofKey, options).map((problem) => `key ${key}: ${problem}`),
  );
}

function problemsOfKey(calls: readonly Call[], options: CheckOptions): string[] {
  return [
    ...inventionsIn(calls),
    ...backwardsIn(calls),
    ...brokenWeakPromisesIn(calls, options),
    ...contradictionsIn(calls, options),
  ];
}

function contradictionsIn(calls: readonly Call[], { statesMax }: CheckOptions): string[] {
  const verdict = linearizabilityOf(calls, statesMax);
  if (verdict.kind === 'linearizable') return [];
  if (verdict.kind === 'undecided') return ['undecided whether it is linearizable'];
  return [`not linearizable, for these contradict each other:\n${linesOf(verdict.calls)}`];
}

/** Rows for the kinds and levels that occur, in the order in which they do. */
export function summaryOf(calls: readonly Call[]): SummaryRow[] {
  const groups = grouped(calls, ({ kind, level }) => `${kind} ${level}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const count = (wanted: Call['outcome']) =>
      group.filter(({ outcome }) => outcome === wanted).length;
    return {
      kind: first.kind,
      level: first.level,
      ok: count('ok'),
      uncertain: count('uncertain'),
      failed: count('failed'),
    };
  });
}

export function callsByKey(calls: readonly Call[]): ReadonlyMap<string, readonly Call[]> {
  return grouped(calls, ({ key }) => key);
}

function grouped(calls: readonly Call[], nameOf: (call: Call) => string): Map<string, Call[]> {
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    const group = groups.get(nameOf(call));
    if (group === undefined) groups.set(nameOf(call), [call]);
    else group.push(call);
  }
  return groups;
}
