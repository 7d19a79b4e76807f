import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { QuorumTally } from '../../src/consistency/quorum-tally.ts';

const nodes = ['a', 'b', 'c', 'd', 'e'];

describe('QuorumTally', () => {
  it('is pending until enough succeeded', () => {
    const tally = new QuorumTally(2, nodes.slice(0, 3));
    assert.equal(tally.outcome(), 'pending');
    tally.succeed('a');
    assert.equal(tally.outcome(), 'pending');
    tally.succeed('b');
    assert.equal(tally.outcome(), 'reached');
  });

  it('is unreachable as soon as too few are left', () => {
    const tally = new QuorumTally(2, nodes.slice(0, 3));
    tally.fail('a');
    assert.equal(tally.outcome(), 'pending');
    tally.fail('b');
    assert.equal(tally.outcome(), 'unreachable');
  });

  it('is unreachable from the start with fewer candidates than required', () => {
    assert.equal(new QuorumTally(3, nodes.slice(0, 2)).outcome(), 'unreachable');
  });

  it('counts a node once, by the first thing it said, in any order and repetition', () => {
    const answers = fc.array(fc.tuple(fc.constantFrom(...nodes), fc.boolean()), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 6 }), (said, required) => {
        const tally = new QuorumTally(required, nodes);
        const first = new Map<string, boolean>();
        for (const [node, isSuccess] of said) {
          if (isSuccess) tally.succeed(node);
          else tally.fail(node);
          if (!first.has(node)) first.set(node, isSuccess);
          const successes = [...first.values()].filter(Boolean).length;
          const failures = first.size - successes;
          assert.equal(tally.received, successes);
          assert.equal(tally.failed, failures);
          assert.equal(tally.hasFailed(node), first.get(node) === false);
          assert.equal(tally.hasSucceeded(node), first.get(node) === true);
          const isPossible = 5 - failures >= required;
          const rest = isPossible ? 'pending' : 'unreachable';
          assert.equal(tally.outcome(), successes >= required ? 'reached' : rest);
        }
      }),
    );
  });
});
