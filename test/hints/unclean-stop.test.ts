import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { marksAfterUncleanStop } from '../../src/hints/unclean-stop.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { noTokens, TokenSet } from '../../src/ring/token-set.ts';

describe('the marks after an unclean stop', () => {
  const ring = new Ring({
    epoch: 1,
    partitioner: byteOrderedPartitioner,
    replicationFactor: 3,
    owners: evenOwners(['a', 'b', 'c', 'd']),
  });
  const marksFor = (tokens: TokenSet) =>
    Object.fromEntries(
      [...marksAfterUncleanStop(tokens, ring)].map(([node, marks]) => [node, marks.tokens()]),
    );

  it('are all replicas of each token that was being written, the node itself too', () => {
    assert.deepEqual(marksFor(TokenSet.of([0, 64, 200])), {
      a: [0, 200],
      b: [0, 64, 200],
      c: [0, 64],
      d: [64, 200],
    });
  });

  it('are none when nothing was being written', () => {
    assert.deepEqual(marksFor(noTokens), { a: [], b: [], c: [], d: [] });
  });
});
