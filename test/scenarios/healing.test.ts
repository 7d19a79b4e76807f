import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

describe('hinted handoff', () => {
  it('brings a missed put to the restarted node within 5 s and without any traffic', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    const { explanation } = await cluster.put('replica0', 7, 'hello');
    assert.equal(explanation?.hintsStarted, 1);
    assert.equal(cluster.hints('replica0', 'replica1'), 1);
    void cluster.boot('replica1');
    await cluster.time.advance(5_000);
    assert.equal(cluster.held('replica1', 7), 'hello');
    assert.equal(cluster.hints('replica0', 'replica1'), 0);
  });

  it('keeps a hint for a replica that did not acknowledge by the deadline', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    cluster.host('replica2').pause();
    await cluster.put('replica0', 7, 'hello');
    assert.equal(cluster.hints('replica0', 'replica2'), 0);
    await cluster.time.advance(2_100);
    assert.equal(cluster.hints('replica0', 'replica2'), 1);
  });
});

describe('read repair', () => {
  /** A cluster whose replica1 came back and lacks key 7. */
  const withStaleReplica = async () => {
    const cluster = await SimulatedCluster.start({ mode: 'READ-REPAIR' });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    await cluster.put('replica0', 7, 'hello');
    void cluster.boot('replica1');
    await cluster.time.advance(20_000);
    assert.equal(cluster.held('replica1', 7), undefined);
    return cluster;
  };

  it('heals a restarted node by one read, and not before', async () => {
    for (const level of ['ONE', 'QUORUM'] as const) {
      const cluster = await withStaleReplica();
      assert.equal(await cluster.get('replica0', 7, level), 'hello');
      await cluster.time.advance(100);
      assert.equal(cluster.held('replica1', 7), 'hello', level);
    }
  });

  it('heals the stale replica that answered itself, with what the others hold', async () => {
    const cluster = await withStaleReplica();
    assert.equal(await cluster.get('replica1', 7, 'ONE'), undefined);
    await cluster.time.advance(100);
    assert.equal(cluster.held('replica1', 7), 'hello');
  });
});

describe('a mode without repair', () => {
  it('leaves a stale replica as it is', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'NONE' });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    await cluster.put('replica0', 7, 'hello');
    void cluster.boot('replica1');
    await cluster.time.advance(20_000);
    assert.equal(await cluster.get('replica0', 7, 'ONE'), 'hello');
    await cluster.time.advance(20_000);
    assert.equal(cluster.held('replica1', 7), undefined);
  });
});
