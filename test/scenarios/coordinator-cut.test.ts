import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';
import type { FlushMs } from '../support/simulated-disk.ts';

/** Key 7 is held by the nodes 0, 1 and 2 of four. */
const key = 7;

/** Which of the two files is flushed first must not matter. */
const disks: readonly FlushMs[] = [
  () => 10,
  (file) => (file === 'tables' ? 30 : 5),
  (file) => (file === 'tables' ? 5 : 30),
];

function start(flushMs: FlushMs = () => 10): Promise<SimulatedCluster> {
  return SimulatedCluster.start({ mode: 'HINTED-HANDOFF', isDurable: true, flushMs });
}

describe('a coordinator whose power is cut while a replica misses its put', () => {
  for (const isStopped of [false, true]) {
    const how = isStopped ? 'while it stops in order' : 'without a word';
    it(`leaves no replica behind for good, at whatever moment it ends ${how}`, async () => {
      for (const flushMs of disks) {
        for (let cutAfterMs = 0; cutAfterMs <= 120; cutAfterMs += 4) {
          const held = await heldAfterCut(await start(flushMs), cutAfterMs, isStopped);
          assert.equal(new Set(held).size, 1, `cut after ${cutAfterMs} ms: ${held.join(', ')}`);
        }
      }
    });
  }

  it('makes no version twice, though its clock is set back by as much as it was away', async () => {
    for (const backMs of [0, 20, 100, 200]) {
      const cluster = await start();
      const first = await cluster.put('replica0', key, 'first');
      const firstMs = cluster.time.nowMs;
      cluster.kill('replica0');
      await cluster.time.advance(10);
      const skewMs = firstMs - cluster.time.nowMs - backMs;
      await cluster.time.settle(cluster.boot('replica0', skewMs));
      // Of another key no replica can tell it which version it has given out.
      const second = await cluster.put('replica0', 200, 'second');
      assert.ok(second.version.clock > first.version.clock, `set back by ${backMs} ms`);
    }
  });
});

/** What the replicas hold in the end. */
async function heldAfterCut(
  cluster: SimulatedCluster,
  cutAfterMs: number,
  isStopped: boolean,
): Promise<readonly unknown[]> {
  const { time } = cluster;
  cluster.kill('replica1');
  await time.advance(3_000);
  cluster.startWrite('replica3', key, textValue('new'), 'QUORUM', 2_000).catch(() => 'cut');
  if (isStopped) void cluster.stopNode('replica3');
  await time.advance(cutAfterMs);
  cluster.kill('replica3');
  void cluster.boot('replica3');
  await time.advance(3_000);
  void cluster.boot('replica1');
  await time.advance(3_000);
  await time.until(() => cluster.owesNothing(), 60_000);
  return ['replica0', 'replica1', 'replica2'].map((node) => cluster.held(node, key));
}
