import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesToMapKey } from '../../src/base/bytes.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../../src/hints/dirty-tokens.ts';
import { defaultHintLimits, HintStore } from '../../src/hints/hint-store.ts';
import { marksAfterUncleanStop } from '../../src/hints/unclean-stop.ts';
import { clockAtMs, formatVersion } from '../../src/record/version.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';
import { SimulatedHost } from '../support/simulated-time.ts';

const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['replica0', 'replica1', 'replica2', 'replica3']),
});

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

describe('hints whose holder loses its power', () => {
  it('arrive when both are back, without any traffic, those that were durable', async () => {
    const disks = new Map<string, PowerCutTables>();
    const cluster: SimulatedCluster = new SimulatedCluster({
      mode: 'HINTED-HANDOFF',
      diskOf: (node, clock) => {
        const disk = disks.get(node) ?? new PowerCutTables(new SimulatedHost(cluster.time));
        disks.set(node, disk);
        const dirty = new DirtyTokens(new MemoryDirtyMarks());
        const components = { clock, dirty, logger: silentLogger, ring, tables: disk.tables };
        return {
          storage: new DurableStorage(disk.tables),
          dirty,
          hints: new HintStore(components, { node, limits: defaultHintLimits }),
        };
      },
    });
    const lose = (node: string) => {
      cluster.kill(node);
      disks.get(node)?.cut();
    };
    const booted = cluster.names.map((node) => cluster.boot(node));
    await Promise.all([cluster.time.advance(3_000), ...booted]);
    lose('replica1');
    await cluster.time.advance(2_000);
    for (const key of [1, 2, 3]) await cluster.put('replica0', key, 'missed');
    await cluster.time.advance(10);
    assert.equal(cluster.hints('replica0', 'replica1'), 3);
    lose('replica0');
    void cluster.boot('replica0');
    assert.equal(cluster.hints('replica0', 'replica1'), 3);
    await cluster.time.advance(5_000);
    void cluster.boot('replica1');
    await cluster.time.advance(5_000);
    for (const key of [1, 2, 3]) assert.equal(cluster.held('replica1', key), 'missed');
    assert.equal(cluster.hints('replica0', 'replica1'), 0);
  });
});

describe('hints dropped by hand', () => {
  it('leave DIRTY tokens, and a copy brings what was in them', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    cluster.kill('replica1');
    await cluster.time.advance(2_000);
    for (const key of [1, 2, 100]) await cluster.put('replica0', key, 'missed');
    const { dirty, hints } = cluster.engine('replica0');
    assert.equal(hints.drop('replica1'), 3);
    assert.deepEqual(dirty.tokensOf('replica1').tokens(), [1, 2, 100]);
    void cluster.boot('replica1');
    await cluster.time.advance(10_000);
    for (const key of [1, 2, 100]) assert.equal(cluster.held('replica1', key), 'missed');
    assert.ok(dirty.tokensOf('replica1').isEmpty);
  });
});

describe('a coordinator that died between its answer and its hints', () => {
  it('has its tokens copied by all their replicas, itself included', async () => {
    const storages = new Map<string, MemoryStorage>();
    const dirtyAtStart = new Map<string, DirtyTokens>();
    const cluster = await SimulatedCluster.start({
      mode: 'HINTED-HANDOFF',
      diskOf: (node) => {
        const storage = storages.get(node) ?? new MemoryStorage();
        storages.set(node, storage);
        const dirty = dirtyAtStart.get(node);
        return dirty === undefined ? { storage } : { storage, dirty };
      },
    });
    // What replica3 stored without replica0 and replica1: the hints died with it.
    const key = Uint8Array.of(200);
    const version = { clock: clockAtMs(1_767_225_600_000), node: 'replica3' };
    cluster.kill('replica3');
    await storages
      .get('replica0')
      ?.applyBatch([{ key, record: { version, value: textValue('x') } }]);
    const dirty = new DirtyTokens(new MemoryDirtyMarks());
    for (const [node, tokens] of marksAfterUncleanStop(TokenSet.of([200]), ring)) {
      await dirty.mark(node, tokens);
    }
    dirtyAtStart.set('replica3', dirty);
    void cluster.boot('replica3');
    await cluster.time.advance(15_000);
    for (const node of ['replica3', 'replica0', 'replica1']) {
      assert.equal(cluster.held(node, 200), 'x', node);
      assert.ok(dirty.tokensOf(node).isEmpty, node);
    }
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
