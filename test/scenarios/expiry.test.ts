import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

const hourMs = 3_600_000;
const skewed = { code: 'CLOCK_SKEW' };

/** Key 7 is held by the nodes 0, 1 and 2 of four. */
function heldRecord(cluster: SimulatedCluster, node: string, key = 7) {
  return cluster.engine(node).storage.get(Uint8Array.of(key));
}

/** The time by a clock that is right. */
function trueTimeMs(cluster: SimulatedCluster, node: string): number {
  const host = cluster.host(node);
  return host.realtimeMs() - host.skewMs;
}

/** Makes a clock wrong and waits until the others have judged it. */
async function setClock(cluster: SimulatedCluster, node: string, skewMs: number): Promise<void> {
  cluster.host(node).skewMs = skewMs;
  await cluster.time.advance(2_000);
}

describe('a value that expires', () => {
  it('is there before its time and absent after it, at every level and for every node', async () => {
    const cluster = await SimulatedCluster.start();
    for (const [key, level] of consistencyLevels.entries()) {
      await cluster.putFor(5_000, 'replica0', key, level, level);
    }
    const answers = async () => {
      const found = new Set<string | undefined>();
      for (const key of consistencyLevels.keys()) {
        for (const node of cluster.names) {
          for (const level of consistencyLevels) found.add(await cluster.get(node, key, level));
        }
      }
      return [...found].sort();
    };
    assert.deepEqual(await answers(), [...consistencyLevels].sort());
    await cluster.time.advance(5_000);
    assert.deepEqual(await answers(), [undefined]);
  });

  it('is gone from its time of expiry on, and its version stays to be seen', async () => {
    const cluster = await SimulatedCluster.start();
    const { version } = await cluster.putFor(2_000, 'replica0', 7, 'x');
    const { expireTimeMs = 0, record } = await cluster.read('replica0', 7, 'ONE');
    assert.equal(record?.value?.expireTimeMs, expireTimeMs);
    await cluster.time.advance(expireTimeMs - trueTimeMs(cluster, 'replica0') - 1);
    assert.equal(await cluster.get('replica0', 7, 'ONE'), 'x');
    await cluster.time.advance(1);
    const expired = await cluster.read('replica0', 7, 'ONE');
    assert.deepEqual(expired.record, { version, value: undefined });
    assert.equal(expired.expireTimeMs, expireTimeMs);
  });

  it('lives on for ever after a put without ttl, and anew after one with another', async () => {
    const cluster = await SimulatedCluster.start();
    for (const key of [7, 8, 9]) await cluster.putFor(1_000, 'replica0', key, 'short');
    await cluster.put('replica1', 7, 'for ever');
    await cluster.putFor(60_000, 'replica1', 8, 'longer');
    await cluster.delete('replica1', 9);
    await cluster.time.advance(30_000);
    assert.equal(await cluster.get('replica3', 7), 'for ever');
    assert.equal(await cluster.get('replica3', 8), 'longer');
    const deleted = await cluster.read('replica3', 9);
    assert.deepEqual([deleted.record?.value, deleted.expireTimeMs], [undefined, undefined]);
    await cluster.time.advance(30_000);
    assert.equal(await cluster.get('replica3', 8), undefined);
    await cluster.put('replica3', 8, 'back');
    assert.equal(await cluster.get('replica0', 8, 'ALL'), 'back');
  });

  it('does not uncover what it replaced on a node that missed it', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    await cluster.put('replica0', 7, 'old', 'ALL');
    cluster.network.isolate('replica1');
    await cluster.time.advance(2_000);
    await cluster.putFor(1_000, 'replica0', 7, 'new');
    await cluster.time.advance(5_000);
    assert.equal(cluster.hints('replica0', 'replica1'), 1);
    assert.equal(cluster.held('replica1', 7), 'old');
    cluster.network.heal();
    await cluster.time.advance(10_000);
    assert.equal(cluster.hints('replica0', 'replica1'), 0);
    assert.deepEqual(heldRecord(cluster, 'replica1'), heldRecord(cluster, 'replica0'));
    assert.notEqual(heldRecord(cluster, 'replica1')?.value?.expireTimeMs, undefined);
    for (const node of cluster.names) {
      for (const level of consistencyLevels) {
        assert.equal(await cluster.get(node, 7, level), undefined, `${node} ${level}`);
      }
    }
  });

  it('is as absent, or as present, after a restart of all that hold it', async () => {
    const disks = new Map<string, MemoryTables>();
    const cluster = await SimulatedCluster.start({
      diskOf: (node, clock) => {
        const tables = disks.get(node) ?? new MemoryTables({ clock });
        disks.set(node, tables);
        return { kind: 'durable', storage: new DurableStorage(tables) };
      },
    });
    await cluster.putFor(2_000, 'replica0', 7, 'short', 'ALL');
    await cluster.putFor(60_000, 'replica0', 8, 'long', 'ALL');
    for (const node of cluster.names) cluster.kill(node);
    await cluster.time.advance(3_000);
    for (const node of cluster.names) void cluster.boot(node);
    await cluster.time.advance(5_000);
    assert.equal(cluster.held('replica0', 7), 'short');
    for (const node of cluster.names) {
      for (const level of consistencyLevels) {
        assert.equal(await cluster.get(node, 7, level), undefined, `${node} ${level}`);
        assert.equal(await cluster.get(node, 8, level), 'long', `${node} ${level}`);
      }
    }
    await cluster.time.advance(60_000);
    assert.equal(await cluster.get('replica3', 8, 'ONE'), undefined);
  });

  it('is healed after its time like any other, by read repair and by write-back', async () => {
    for (const mode of ['READ-REPAIR', 'NONE'] as const) {
      const cluster = await SimulatedCluster.start({ mode });
      await cluster.put('replica0', 7, 'old', 'ALL');
      cluster.network.isolate('replica1');
      await cluster.time.advance(2_000);
      await cluster.putFor(1_000, 'replica0', 7, 'new');
      await cluster.time.advance(5_000);
      cluster.network.heal();
      await cluster.time.advance(10_000);
      assert.equal(cluster.held('replica1', 7), 'old');
      const level = mode === 'NONE' ? 'ALL' : 'ONE';
      const { record, explanation } = await cluster.read('replica0', 7, level);
      assert.equal(record?.value, undefined);
      assert.equal(explanation?.writeBacks, mode === 'NONE' ? 1 : 0);
      await cluster.time.advance(100);
      assert.deepEqual(heldRecord(cluster, 'replica1'), heldRecord(cluster, 'replica0'), mode);
      assert.equal(await cluster.get('replica1', 7, 'ONE'), undefined);
    }
  });
});

describe('clocks and values that expire', () => {
  it('make reads disagree within 500 ms of the time of expiry, and nowhere else', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica0').skewMs = -200;
    await setClock(cluster, 'replica1', 200);
    await cluster.putFor(3_000, 'replica2', 7, 'x');
    const { expireTimeMs = 0 } = await cluster.read('replica2', 7);
    let disagreements = 0;
    for (let atMs = expireTimeMs - 700; atMs <= expireTimeMs + 700; atMs += 20) {
      await cluster.time.advance(atMs - trueTimeMs(cluster, 'replica2'));
      const [behind, ahead] = [await cluster.get('replica0', 7), await cluster.get('replica1', 7)];
      if (behind !== ahead) disagreements++;
      if (atMs <= expireTimeMs - 500) assert.deepEqual([behind, ahead], ['x', 'x'], `${atMs}`);
      if (atMs >= expireTimeMs + 500) assert.deepEqual([behind, ahead], [undefined, undefined]);
    }
    assert.ok(disagreements > 10, `${disagreements}`);
  });

  for (const skewMs of [hourMs, -hourMs]) {
    it(`are judged by no node that is ${skewMs} ms off, and its copy counts`, async () => {
      const cluster = await SimulatedCluster.start();
      await cluster.putFor(60_000, 'replica1', 7, 'x', 'ALL');
      await cluster.put('replica1', 8, 'lasting', 'ALL');
      await setClock(cluster, 'replica0', skewMs);
      for (const level of consistencyLevels) {
        await assert.rejects(cluster.get('replica0', 7, level), skewed, level);
        assert.equal(await cluster.get('replica0', 8, level), 'lasting');
        assert.equal(await cluster.get('replica0', 9, level), undefined);
      }
      // Only the copy of the node with the wrong clock can be reached.
      cluster.network.isolate('replica1');
      cluster.network.isolate('replica2');
      await cluster.time.advance(2_000);
      assert.equal(await cluster.get('replica3', 7, 'ONE'), 'x');
      await cluster.time.advance(60_000);
      assert.equal(await cluster.get('replica3', 7, 'ONE'), undefined);
    });
  }

  it('wait after a step of the clock until it was compared again, at QUORUM too', async () => {
    const cluster = await SimulatedCluster.start();
    await cluster.putFor(60_000, 'replica0', 7, 'x');
    cluster.host('replica0').skewMs = 100;
    await assert.rejects(cluster.get('replica0', 7), skewed);
    await assert.rejects(cluster.putFor(1_000, 'replica0', 8, 'y'), skewed);
    await cluster.put('replica0', 8, 'lasting');
    assert.equal(await cluster.get('replica0', 8), 'lasting');
    await cluster.time.advance(2_000);
    assert.equal(await cluster.get('replica0', 7), 'x');
    await cluster.putFor(1_000, 'replica0', 8, 'y');
  });

  it('store nothing if the clock is stepped between the version query and the store', async () => {
    const cluster = await SimulatedCluster.start();
    const request = { key: Uint8Array.of(7), level: 'QUORUM', timeoutMs: 1_000 } as const;
    const put = cluster.engine('replica0').coordinator.write({
      ...request,
      value: textValue('x'),
      ttlMs: hourMs / 2,
      isExplained: false,
    });
    cluster.host('replica0').skewMs = -hourMs;
    await assert.rejects(cluster.time.settle(put), { ...skewed, mayHaveApplied: false });
    await cluster.time.advance(5_000);
    for (const node of cluster.names) assert.equal(heldRecord(cluster, node), undefined);
  });
});
