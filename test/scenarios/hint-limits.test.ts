import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesToMapKey } from '../../src/base/bytes.ts';
import { formatVersion } from '../../src/record/version.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

/** By key the version that a node holds. */
function versionsIn(storage: Storage): ReadonlyMap<string, string> {
  const all = { start: new Uint8Array(), limit: 10_000, bytesMax: 2 ** 30 };
  return new Map(
    storage
      .range(all)
      .map(({ key, record }) => [bytesToMapKey(key), formatVersion(record.version)] as const),
  );
}

describe('a hint cap of 1,000 with 5,000 missed keys', () => {
  it('fails no put, marks the rest DIRTY, and a copy makes all replicas equal', async () => {
    const cluster = await SimulatedCluster.start({
      mode: 'HINTED-HANDOFF',
      hintLimits: { hintsPerTargetMax: 1_000 },
    });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    const { coordinator, dirty, hints } = cluster.engine('replica0');
    for (let index = 0; index < 5_000; index += 100) {
      const puts = Array.from({ length: 100 }, (_, more) => {
        const key = Uint8Array.of((index + more) % 64, (index + more) >> 6, 1);
        const put = { key, level: 'QUORUM', timeoutMs: 2_000, isExplained: false } as const;
        return coordinator.write({ ...put, value: textValue(`${index + more}`) });
      });
      await cluster.time.settle(Promise.all(puts));
    }
    const { count, dropped } = hints.summary('replica1');
    assert.deepEqual([count, dropped], [1_000, 4_000]);
    assert.equal(dirty.tokensOf('replica1').tokens().length, 64);
    void cluster.boot('replica1');
    await cluster.time.until(() => dirty.tokensOf('replica1').isEmpty, 30_000);
    const versions = versionsIn(cluster.engine('replica0').storage);
    assert.equal(versions.size, 5_000);
    assert.deepEqual(versionsIn(cluster.engine('replica1').storage), versions);
    assert.deepEqual(versionsIn(cluster.engine('replica2').storage), versions);
    assert.equal(hints.count('replica1'), 0);
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
