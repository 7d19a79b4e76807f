import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

describe('a hint cap of 100 with 500 missed keys', () => {
  it('fails no put, keeps 100 hints and marks the tokens of the rest DIRTY', async () => {
    const cluster = await SimulatedCluster.start({
      mode: 'HINTED-HANDOFF',
      hintLimits: { hintsPerTargetMax: 100 },
    });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    const { coordinator, hints } = cluster.engine('replica0');
    for (let index = 0; index < 500; index++) {
      const key = Uint8Array.of(index % 64, index >> 6, 1);
      const put = { key, level: 'QUORUM', timeoutMs: 2_000, isExplained: false } as const;
      await cluster.time.settle(coordinator.write({ ...put, value: textValue(`${index}`) }));
    }
    const summary = hints.summary('replica1');
    assert.equal(summary.count, 100);
    assert.equal(summary.dropped, 400);
    assert.equal(summary.dirtyTokens.length, 64);
    void cluster.boot('replica1');
    await cluster.time.advance(10_000);
    assert.equal(cluster.engine('replica1').storage.entryCount(), 100);
    assert.equal(hints.summary('replica1').count, 0);
    assert.equal(hints.summary('replica1').dirtyTokens.length, 64, 'only a copy clears DIRTY');
  });
});

describe('hints for a node that was paused', () => {
  it('are replayed as soon as it is heard again, before the sweep', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    await cluster.time.advance(5_000);
    cluster.host('replica1').pause();
    await cluster.time.advance(2_000);
    await cluster.put('replica0', 7, 'hello');
    cluster.host('replica1').resume();
    await cluster.time.advance(1_600);
    assert.equal(cluster.held('replica1', 7), 'hello');
  });
});
