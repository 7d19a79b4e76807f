import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { problemsOf } from './check-history.ts';
import { hasOrder } from './every-order.ts';
import type { Call } from './history.ts';
import { callsOf } from './known-calls.ts';
import { linearizabilityOf, registerOf } from './linearizability.ts';
import { anyHistories, overMs, trueHistories } from './random-history.ts';
import { searchRegister } from './register-search.ts';
import { lossesIn } from './survival.ts';
import { hasTornZone } from './zones.ts';

describe('a history of a register that does one call after the other', () => {
  it('has no problem, whatever overlaps, expires or is uncertain', () => {
    fc.assert(
      fc.property(
        trueHistories({ minLength: 5, maxLength: 60, size: 'max' }),
        ({ calls, held }) => {
          assert.deepEqual(problemsOf(calls), []);
          const copies = ['n0', 'n1'].map((node) => ({ ...held, node }));
          assert.deepEqual(lossesIn(calls, copies, { atMs: overMs }), []);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has a problem as soon as one get of it finds another text', () => {
    const kinds = fc.array(fc.constantFrom('get', 'put', 'delete'), { maxLength: 30, size: 'max' });
    fc.assert(
      fc.property(kinds, fc.nat(), fc.nat(), (all, which, instead) => {
        const calls = inTurn(all);
        const gets = calls.filter(({ kind }) => kind === 'get');
        const wrong = gets[which % Math.max(gets.length, 1)];
        const texts = [undefined, 'invented', ...calls.flatMap(({ text }) => text ?? [])];
        const others = texts.filter((text) => text !== wrong?.text);
        const text = others[instead % others.length];
        const changed = calls.map((call) => (call === wrong ? { ...call, text } : call));
        assert.deepEqual(problemsOf(calls), []);
        assert.equal(linearizabilityOf(changed).kind === 'violated', wrong !== undefined);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the search for an order', () => {
  const histories = anyHistories({ minLength: 4, maxLength: 9, size: 'max' });

  it('agrees with the trial of every order', () => {
    let violated = 0;
    fc.assert(
      fc.property(histories, (calls) => {
        const isExplained = hasOrder(calls);
        if (!isExplained) violated++;
        assert.equal(linearizabilityOf(calls).kind === 'linearizable', isExplained);
        // The search alone, which is spared most contradictions otherwise.
        assert.equal(searchRegister(registerOf(calls), 1_000) === 'explained', isExplained);
      }),
      { numRuns: 2_000 },
    );
    assert.ok(violated > 200, `only ${violated} were not linearizable`);
  });

  it('is not needed for texts alone', () => {
    fc.assert(
      fc.property(histories, (calls) => {
        const isOfText = ({ kind, text }: Call) => kind !== 'delete' && text !== undefined;
        const ofTexts = calls.filter(isOfText).map(({ expireTimeMs: _, ...call }) => call);
        assert.equal(hasTornZone(registerOf(ofTexts)), !hasOrder(ofTexts));
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells a contradiction that the trial of every order confirms', () => {
    fc.assert(
      fc.property(histories, (calls) => {
        const verdict = linearizabilityOf(calls);
        if (verdict.kind === 'violated') assert.equal(hasOrder(verdict.calls), false);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Calls one after the other, without versions. */
function inTurn(kinds: readonly string[]): Call[] {
  let held: string | undefined;
  return callsOf(
    kinds
      .map((kind, index) => {
        if (kind !== 'get') held = kind === 'put' ? `text${index}` : undefined;
        const text = kind === 'delete' ? '' : (held ?? 'nothing');
        return `c ${2 * index}-${2 * index + 1} ${kind} ${text}`;
      })
      .join('\n'),
  );
}
