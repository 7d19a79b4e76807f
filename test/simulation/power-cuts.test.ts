import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import { powerCutHistory } from '../support/power-cut-history.ts';

const isLong = process.env['QUORATE_TEST_LONG'] !== undefined;
const cyclesPerRun = 10;
const runs = isLong ? 100 : 14;
/** One run again: `QUORATE_TEST_SEED=17`. */
const only = process.env['QUORATE_TEST_SEED'];
const seeds =
  only === undefined ? Array.from({ length: runs }, (_, run) => run + 1) : [Number(only)];

/** Without read repair only hints and copies make replicas equal, so most runs have none. */
const modes: readonly RepairMode[] = ['HINTED-HANDOFF', 'HINTED-HANDOFF', 'BOTH'];

describe('power cuts of one node or all', () => {
  it(`lose nothing that was acknowledged, ${seeds.length * cyclesPerRun} times`, async (t) => {
    const totals = { acknowledged: 0, uncertain: 0, reads: 0 };
    for (const seed of seeds) {
      const mode = modes[seed % modes.length] ?? 'BOTH';
      const outcome = await powerCutHistory({ seed, mode, cycles: cyclesPerRun });
      assert.deepEqual(outcome.problems, [], `seed ${seed}, ${mode}`);
      totals.acknowledged += outcome.acknowledged;
      totals.uncertain += outcome.uncertain;
      totals.reads += outcome.reads;
    }
    t.diagnostic(
      `seeds ${seeds[0]} to ${seeds.at(-1)}, ${seeds.length * cyclesPerRun} cycles: ${totals.acknowledged} acknowledged, ${totals.uncertain} uncertain, ${totals.reads} reads, lost = 0`,
    );
    assert.ok(totals.acknowledged > 100 * seeds.length, 'most writes are acknowledged');
  });
});
