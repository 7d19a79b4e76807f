import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairModes } from '../../src/consistency/repair-mode.ts';
import { isFloorVersion } from '../../src/record/version.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { SimulatedCluster, type SimulatedClusterOptions } from '../support/simulated-cluster.ts';

/** Key 7 is held by the nodes 0, 1 and 2 of four. */
const holders = ['replica0', 'replica1', 'replica2'] as const;
const key = Uint8Array.of(7);
const anyTime = 300_000;

function start(options: SimulatedClusterOptions = {}): Promise<SimulatedCluster> {
  const defaults = { mode: 'HINTED-HANDOFF', tombstoneAgeMs: 5_000, isDurable: true } as const;
  return SimulatedCluster.start({ ...defaults, ...options });
}

const records = (cluster: SimulatedCluster, node: string) =>
  cluster.engine(node).storage.entryCount();

const areGone = (cluster: SimulatedCluster) =>
  cluster.names.every((node) => records(cluster, node) === 0);

/** Deletes another key of the token and waits until that was purged. */
async function raiseFloors(cluster: SimulatedCluster, other: Uint8Array): Promise<void> {
  const { coordinator } = cluster.engine('replica3');
  const request = { key: other, level: 'QUORUM', timeoutMs: 2_000, isExplained: false } as const;
  await cluster.time.settle(coordinator.write({ ...request, value: undefined }));
  const isGone = (node: string) => cluster.engine(node).storage.get(other) === undefined;
  await cluster.time.until(() => holders.every(isGone), anyTime);
}

describe('old tombstones', () => {
  it('go from all replicas, and reads stay absent with one round trip', async () => {
    const cluster = await start();
    await cluster.put('replica3', 7, 'x');
    const { version } = await cluster.delete('replica3', 7);
    await cluster.time.advance(20_000);
    assert.deepEqual(
      holders.map((node) => records(cluster, node)),
      [1, 1, 1],
    );
    await cluster.time.until(() => areGone(cluster));
    for (const level of ['QUORUM', 'ALL', 'ONE'] as const) {
      const { record, explanation } = await cluster.read('replica3', 7, level);
      assert.equal(record?.value, undefined);
      assert.ok(isFloorVersion(record?.version));
      assert.ok(record !== undefined && record.version.clock > version.clock);
      assert.equal(explanation?.writeBacks, 0);
    }
    assert.equal((await cluster.read('replica3', 100)).record, undefined);
    await cluster.put('replica3', 7, 'again');
    assert.equal(await cluster.get('replica1', 7), 'again');
    assert.ok(holders.every((node) => cluster.held(node, 7) === 'again'));
  });

  for (const [nodes, replicationFactor] of [
    [1, 1],
    [2, 3],
    [3, 1],
    [5, 3],
  ] as const) {
    it(`go with ${nodes} nodes and ${replicationFactor} copies`, async () => {
      const cluster = await start({ nodes, replicationFactor });
      for (let token = 0; token < 256; token += 50) {
        await cluster.put('replica0', token, 'x');
        await cluster.delete('replica0', token);
      }
      await cluster.time.until(() => areGone(cluster), anyTime);
      assert.equal(await cluster.get('replica0', 50), undefined);
    });
  }

  it('leave values, newer tombstones and other tokens alone', async () => {
    const cluster = await start();
    for (const [token, text] of [
      [6, 'stays'],
      [7, 'goes'],
      [8, 'goes'],
    ] as const) {
      await cluster.put('replica3', token, text);
    }
    await cluster.delete('replica3', 7);
    await cluster.time.advance(30_000);
    await cluster.delete('replica3', 8);
    await cluster.time.until(() => records(cluster, 'replica0') === 2, anyTime);
    assert.equal(await cluster.get('replica1', 6, 'ALL'), 'stays');
    assert.notEqual(cluster.engine('replica0').storage.get(Uint8Array.of(8)), undefined);
    assert.equal(cluster.floorOf('replica0', 9), 0n);
    await cluster.time.until(() => records(cluster, 'replica0') === 1, anyTime);
    assert.equal(cluster.held('replica2', 6), 'stays');
  });

  it('never go while one of the nodes is away, also after their age, and nothing returns', async () => {
    for (const mode of repairModes) {
      const cluster = await start({ mode });
      await cluster.put('replica3', 7, 'x', 'ALL');
      cluster.kill('replica0');
      await cluster.time.advance(3_000);
      await cluster.delete('replica3', 7);
      const isAbsent = async () => {
        assert.equal(await cluster.get('replica3', 7), undefined);
        assert.equal(await cluster.get('replica1', 7), undefined);
      };
      for (let seconds = 0; seconds < 120; seconds += 10) {
        await cluster.time.advance(10_000);
        await isAbsent();
      }
      assert.deepEqual([records(cluster, 'replica1'), records(cluster, 'replica2')], [1, 1]);
      assert.equal(cluster.floorOf('replica1', 7), 0n);
      await cluster.time.settle(cluster.boot('replica0'));
      while (!areGone(cluster)) {
        await isAbsent();
        await cluster.time.advance(500);
      }
      await isAbsent();
      assert.equal(await cluster.get('replica0', 7, 'ONE'), undefined);
    }
  });

  it('go with values that expired as long ago', async () => {
    const cluster = await start();
    await cluster.putFor(1_000, 'replica3', 7, 'x');
    await cluster.put('replica3', 6, 'stays');
    await cluster.time.until(() => records(cluster, 'replica0') === 1, anyTime);
    await cluster.time.until(() => records(cluster, 'replica2') === 1, anyTime);
    assert.equal(await cluster.get('replica1', 7, 'ALL'), undefined);
    assert.equal(await cluster.get('replica1', 6, 'ALL'), 'stays');
  });

  it('stay while a node that is no replica has a DIRTY mark of their token', async () => {
    const cluster = await start();
    await cluster.delete('replica3', 7);
    for (let seconds = 0; seconds < 60; seconds++) {
      const { dirty } = cluster.engine('replica3');
      await cluster.time.settle(dirty.mark('replica2', TokenSet.of([7])));
      await cluster.time.advance(1_000);
    }
    assert.equal(cluster.floorOf('replica0', 7), 0n);
    await cluster.time.until(() => areGone(cluster), anyTime);
  });

  it('stay while a node that is no replica keeps a hint from before', async () => {
    const cluster = await start();
    await cluster.delete('replica3', 7);
    const { hints } = cluster.engine('replica3');
    const asked = new Set<boolean>();
    hints.mayHoldBelow = (tokens) => {
      asked.add(tokens.has(7));
      return true;
    };
    await cluster.time.advance(60_000);
    assert.deepEqual([...asked], [true]);
    assert.equal(cluster.floorOf('replica0', 7), 0n);
    hints.mayHoldBelow = () => false;
    await cluster.time.until(() => areGone(cluster), anyTime);
  });

  it('stay while a replica cannot tell what it holds', async () => {
    const cluster = await start();
    await cluster.put('replica3', 7, 'x');
    await cluster.delete('replica3', 7);
    await cluster.put('replica3', 7, 'y');
    await cluster.delete('replica3', 7);
    await cluster.time.advance(20_000);
    cluster.disk('replica1').flipRecord(key, 1);
    await assert.rejects(async () => cluster.engine('replica1').storage.get(key));
    await cluster.time.advance(28_000);
    assert.equal(cluster.floorOf('replica0', 7), 0n);
    await cluster.time.until(() => areGone(cluster), anyTime);
    assert.deepEqual(cluster.engine('replica1').storage.damagedKeys(), []);
  });
});

describe('below a floor', () => {
  it('old hints and old stores are refused, and the hint is settled', async () => {
    const cluster = await start();
    const old = await cluster.put('replica3', 7, 'old');
    await cluster.delete('replica3', 7);
    await cluster.time.until(() => areGone(cluster), anyTime);
    const value = { kind: 'text', bytes: Buffer.from('old') } as const;
    cluster.engine('replica3').hints.keep('replica0', key, { version: old.version, value });
    await cluster.time.until(() => cluster.hints('replica3', 'replica0') === 0, 30_000);
    assert.equal(cluster.held('replica0', 7), undefined);
    assert.equal(await cluster.get('replica0', 7, 'ONE'), undefined);
    cluster.host('replica3').skewMs = -60_000;
    await assert.rejects(cluster.put('replica3', 7, 'late', 'ONE'));
    await assert.rejects(cluster.put('replica3', 7, 'late', 'QUORUM'));
    assert.ok(areGone(cluster));
  });

  it('a value that one replica has lost is never absent at QUORUM, and a copy brings it back', async () => {
    const cluster = await start({ mode: 'BOTH' });
    const { version } = await cluster.put('replica3', 7, 'x', 'ALL');
    await raiseFloors(cluster, Uint8Array.of(7, 1));
    await cluster.time.settle(cluster.engine('replica0').storage.remove([{ key, version }]));
    for (const node of cluster.names) {
      const text = await cluster.get(node, 7).catch(({ code }) => code);
      assert.ok(text === 'x' || text === 'REPLICA_FAILURE', text);
      await cluster.time.advance(3_000);
    }
    assert.deepEqual([cluster.held('replica1', 7), cluster.held('replica2', 7)], ['x', 'x']);
    const { dirty } = cluster.engine('replica1');
    await cluster.time.settle(dirty.mark('replica0', TokenSet.of([7])));
    await cluster.time.until(() => cluster.held('replica0', 7) === 'x');
    assert.equal(await cluster.get('replica0', 7), 'x');
  });

  it('an old disk that was put back answers no read, nothing returns from it, and a rebuild helps', async () => {
    const outdated: string[] = [];
    const cluster = await start({ onOutdated: (node) => outdated.push(node) });
    await cluster.put('replica3', 7, 'x', 'ALL');
    await cluster.put('replica3', 6, 'stays', 'ALL');
    cluster.kill('replica0');
    const copy = cluster.disk('replica0').contents();
    await cluster.time.settle(cluster.boot('replica0'));
    await cluster.time.advance(2_000);
    await cluster.delete('replica3', 7);
    await cluster.time.until(
      () => cluster.names.every((node) => records(cluster, node) < 2),
      anyTime,
    );
    assert.deepEqual(outdated, []);
    cluster.kill('replica0');
    cluster.disk('replica0').putBack(copy);
    const booted = cluster.boot('replica0');
    const absent = () =>
      Promise.all(
        ['replica1', 'replica2', 'replica3'].map(async (node) => {
          const { record } = await cluster.startRead(node, 7, 'QUORUM', 2_000);
          assert.equal(record?.value, undefined);
        }),
      );
    for (let tries = 0; tries < 20; tries++) {
      await cluster.time.settle(absent());
      await cluster.time.advance(50);
    }
    await cluster.time.settle(booted);
    assert.deepEqual(outdated, ['replica0']);
    await cluster.time.advance(1_000);
    await assert.rejects(cluster.get('replica3', 6, 'ALL'), { code: 'NOT_ENOUGH_REPLICAS' });
    cluster.kill('replica0');
    cluster.wipe('replica0');
    await cluster.time.settle(cluster.boot('replica0'));
    await cluster.time.until(() => cluster.held('replica0', 6) === 'stays');
    await cluster.time.advance(5_000);
    assert.equal(await cluster.get('replica0', 6, 'ALL'), 'stays');
    assert.equal(await cluster.get('replica0', 7, 'ALL'), undefined);
    assert.deepEqual(outdated, ['replica0']);
    assert.ok(cluster.floorOf('replica0', 7) > 0n);
  });

  it('an old disk is noticed without any request', async () => {
    const outdated: string[] = [];
    const cluster = await start({ onOutdated: (node) => outdated.push(node) });
    await cluster.put('replica3', 7, 'x', 'ALL');
    cluster.kill('replica0');
    const copy = cluster.disk('replica0').contents();
    await cluster.time.settle(cluster.boot('replica0'));
    await cluster.time.advance(2_000);
    await cluster.delete('replica3', 7);
    await cluster.time.until(() => areGone(cluster), anyTime);
    cluster.kill('replica0');
    cluster.disk('replica0').putBack(copy);
    await cluster.time.settle(cluster.boot('replica0'));
    await cluster.time.advance(500);
    assert.deepEqual(outdated, ['replica0']);
  });
});
