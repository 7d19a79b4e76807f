import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { problemsOf } from './check-history.ts';
import { hasOrder } from './every-order.ts';
import { linearizabilityOf } from './linearizability.ts';
import { anyHistories, trueHistories } from './random-history.ts';

describe('a history of a register that does one call after the other', () => {
  it('has no problem, whatever overlaps, expires or is uncertain', () => {
    fc.assert(
      fc.property(trueHistories({ minLength: 5, maxLength: 60, size: 'max' }), (calls) => {
        assert.deepEqual(problemsOf(calls), []);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the search for an order', () => {
  it('agrees with the trial of every order', () => {
    let violated = 0;
    const histories = anyHistories({ minLength: 4, maxLength: 6, size: 'max' });
    fc.assert(
      fc.property(histories, (calls) => {
        const verdict = linearizabilityOf(calls);
        if (verdict.kind === 'violated') violated++;
        assert.equal(verdict.kind === 'linearizable', hasOrder(calls));
      }),
      { numRuns: 1_000 },
    );
    assert.ok(violated > 100, `only ${violated} were not linearizable`);
  });

  it('tells a contradiction that the trial of every order confirms', () => {
    fc.assert(
      fc.property(anyHistories({ minLength: 4, maxLength: 6, size: 'max' }), (calls) => {
        const verdict = linearizabilityOf(calls);
        if (verdict.kind === 'violated') assert.equal(hasOrder(verdict.calls), false);
      }),
      { numRuns: 500 },
    );
  });
});
