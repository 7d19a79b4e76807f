import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runSeed } from './run-seed.ts';

const isLong = process.env['QUORATE_TEST_LONG'] === '1';
/** Seeds that once showed a bug, of the product or of the simulator; see docs/simulation.md. */
const keptSeeds = [117, 131, 145, 447, 502, 3166, 50_278];
const freshSeeds = isLong ? 1_000 : 60;

describe('a cluster of real engines in virtual time', () => {
  it('keeps every promise in every seed, whatever fails, and each seed runs the same twice', async (context) => {
    let operations = 0;
    const seeds = [
      ...keptSeeds,
      ...Array.from({ length: freshSeeds }, (_, index) => index + 10_000),
    ];
    for (const seed of seeds) {
      const first = await runSeed({ seed });
      assert.deepEqual(first.problems, [], `npm run simulate -- --from ${seed} --seeds 1`);
      const second = await runSeed({ seed });
      assert.equal(second.hash, first.hash, `seed ${seed} runs differently the second time`);
      operations += first.operations;
    }
    context.diagnostic(`${seeds.length} seeds, ${operations} operations`);
  });

  it('runs differently with another seed', async () => {
    const profile = { nodes: 3, faults: 0, durationMs: 500 };
    const [one, other] = [await runSeed({ seed: 1, profile }), await runSeed({ seed: 2, profile })];
    assert.notEqual(one.hash, other.hash);
  });

  it('runs again with some of its faults left out', async () => {
    const all = await runSeed({ seed: 447 });
    const none = await runSeed({ seed: 447, keptFaults: [] });
    assert.ok(all.faults.length > 0);
    assert.notEqual(none.hash, all.hash);
    assert.deepEqual(none.problems, []);
  });
});
