import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  consistencyLevels,
  isLinearizable,
  parseConsistencyLevel,
  requiredAcks,
} from '../../src/consistency/consistency-level.ts';
import { keepsHints, repairsReads } from '../../src/consistency/repair-mode.ts';

/** Answers needed of 1, 2, 3, 4 and 5 replicas. */
const table = {
  ONE: [1, 1, 1, 1, 1],
  TWO: [2, 2, 2, 2, 2],
  THREE: [3, 3, 3, 3, 3],
  QUORUM: [1, 2, 2, 3, 3],
  ALL: [1, 2, 3, 4, 5],
} as const;

describe('requiredAcks', () => {
  for (const level of consistencyLevels) {
    it(`of ${level} is ${table[level].join(', ')} for 1 to 5 replicas`, () => {
      const required = [1, 2, 3, 4, 5].map((replicas) => requiredAcks(level, replicas));
      assert.deepEqual(required, table[level]);
    });
  }

  it('makes any two linearizable requests meet in a replica', () => {
    const levels = consistencyLevels.filter(isLinearizable);
    assert.deepEqual(levels, ['QUORUM', 'ALL']);
    for (let replicas = 1; replicas <= 256; replicas++) {
      for (const write of levels) {
        for (const read of levels) {
          const together = requiredAcks(write, replicas) + requiredAcks(read, replicas);
          assert.ok(together > replicas, `${write} and ${read} of ${replicas}`);
        }
      }
    }
  });
});

describe('levels and modes', () => {
  it('are read in any case and refused if unknown', () => {
    assert.equal(parseConsistencyLevel('quorum'), 'QUORUM');
    assert.equal(parseConsistencyLevel('MOST'), undefined);
  });

  it('say what heals', () => {
    const heals = (mode: Parameters<typeof keepsHints>[0]) => [
      repairsReads(mode),
      keepsHints(mode),
    ];
    assert.deepEqual(heals('READ-REPAIR'), [true, false]);
    assert.deepEqual(heals('HINTED-HANDOFF'), [false, true]);
    assert.deepEqual(heals('BOTH'), [true, true]);
    assert.deepEqual(heals('NONE'), [false, false]);
  });
});
