/** How cost grows: which clusters are measured, and what is shown of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatGrowth, planGrowth } from '../../bench/growth-plan.ts';

describe('the sizes of clusters that are compared', () => {
  it('differ from the usual one in one thing', () => {
    assert.deepEqual(planGrowth([10_000_000], [3, 16], [65_536]), [
      { keys: 10_000_000, nodes: 4, valueBytes: 100 },
      { keys: 1_000, nodes: 3, valueBytes: 100 },
      { keys: 1_000, nodes: 16, valueBytes: 100 },
      { keys: 1_000, nodes: 4, valueBytes: 65_536 },
    ]);
  });

  it('are shown also where a measurement was given up', () => {
    const size = { keys: 1_000, nodes: 4, valueBytes: 100 };
    const table = formatGrowth([
      { ...size, results: [], startMs: undefined },
      { ...size, keys: 10_000_000, results: [], startMs: 1_260 },
    ]);
    const [, without = '', started = ''] = table.split('\n').filter((line) => line !== '');
    assert.match(without, /1,000 .* 4 .* 100/);
    assert.match(started, /10,000,000 .* 1\.3 /);
  });
});
