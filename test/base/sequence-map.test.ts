import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SequenceMap } from '../../src/base/sequence-map.ts';

describe('SequenceMap', () => {
  it('holds what a Map would, whatever is taken out and whenever it begins anew', () => {
    const step = fc.record({
      gap: fc.integer({ min: 1, max: 3 }),
      taken: fc.nat(5),
      age: fc.nat(),
    });
    const runs = fc.array(fc.array(step, { maxLength: 60 }), { maxLength: 4 });
    fc.assert(
      fc.property(runs, (streams) => {
        const map = new SequenceMap<string>();
        for (const steps of streams) {
          const model = new Map<number, string>();
          let number = 0;
          for (const { gap, taken, age } of steps) {
            number += gap;
            map.set(number, `v${number}`);
            model.set(number, `v${number}`);
            for (let index = 0; index < taken; index++) {
              const other = [...model.keys()][age % Math.max(1, model.size)] ?? number + 1;
              map.delete(other);
              model.delete(other);
            }
            assert.equal(map.size, model.size);
            assert.deepEqual(map.entries(), [...model]);
            for (let other = 0; other <= number + 1; other++) {
              assert.equal(map.get(other), model.get(other));
            }
          }
          for (const other of model.keys()) map.delete(other);
          assert.equal(map.size, 0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('goes on for a million numbers beside one that stays', () => {
    const map = new SequenceMap<string>();
    map.set(1, 'stays');
    for (let number = 2; number <= 1_000_000; number++) {
      map.set(number, 'comes');
      map.delete(number);
    }
    assert.deepEqual(map.entries(), [[1, 'stays']]);
    map.delete(1);
    for (let number = 1_000_001; number <= 2_000_000; number++) {
      map.set(number, 'comes');
      map.delete(number - 10);
    }
    assert.equal(map.size, 10);
    assert.equal(map.get(1_999_991), 'comes');
  });
});
