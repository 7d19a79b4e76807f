import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import {
  SimulatedCluster,
  type SimulatedClusterOptions,
  textValue,
} from '../support/simulated-cluster.ts';

/** Tokens 0 to 63 are held by the nodes 0, 1 and 2 of four. */
const holders = ['replica0', 'replica1', 'replica2'] as const;
const alarm = 'damaged record: no answer for its key until all other replicas were asked';
/** Long before this the scrub finds nothing. */
const neverMs = 1e9;

async function start(options: SimulatedClusterOptions = {}) {
  const alarms: string[] = [];
  const error = (event: string) => void alarms.push(event);
  const cluster = await SimulatedCluster.start({
    mode: 'NONE',
    isDurable: true,
    scrubPassMs: neverMs,
    logger: { ...silentLogger, error },
    ...options,
  });
  return { cluster, alarms: () => alarms.filter((event) => event === alarm).length };
}

function keyOf(index: number): Uint8Array {
  return Uint8Array.of(index % 64, index >> 8, index);
}

function put(cluster: SimulatedCluster, key: Uint8Array, text: string) {
  const request = { key, level: 'ALL', timeoutMs: 2_000, isExplained: false } as const;
  return cluster.engine('replica3').coordinator.write({ ...request, value: textValue(text) });
}

function damaged(cluster: SimulatedCluster): number {
  const counts = holders.map((node) => cluster.engine(node).storage.damagedKeys().length);
  return counts.reduce((sum, count) => sum + count);
}

function healed(cluster: SimulatedCluster): number {
  const counts = holders.map((node) => cluster.engine(node).damageHealer.status().healed);
  return counts.reduce((sum, count) => sum + count);
}

describe('damaged records', () => {
  it('are never served, never counted as absent, and all healed after reads or the scrub', async () => {
    const { cluster, alarms } = await start({ scrubPassMs: 120_000 });
    const keys = Array.from({ length: 400 }, (_, index) => keyOf(index));
    await cluster.time.settle(Promise.all(keys.map((key) => put(cluster, key, `value of ${key}`))));
    const flipped = keys.filter((_, index) => index % 2 === 0);
    for (const key of flipped) {
      const text = `value of ${key}`;
      const node = cluster.random.pick(holders);
      cluster.disk(node).flipRecord(key, 1 + cluster.random.below(text.length));
    }
    const answers = { right: 0, wrong: 0, absent: 0, none: 0 };
    for (const key of flipped.slice(0, 100)) {
      for (const node of cluster.names) {
        for (const level of consistencyLevels) {
          const request = { key, level, timeoutMs: 1_000, isExplained: false };
          const result = await cluster.time
            .settle(cluster.engine(node).coordinator.get(request))
            .catch(() => 'none' as const);
          if (result === 'none') answers.none++;
          else if (result.record?.value === undefined) answers.absent++;
          else if (Buffer.from(result.record.value.bytes).toString() === `value of ${key}`)
            answers.right++;
          else answers.wrong++;
        }
      }
    }
    assert.deepEqual([answers.wrong, answers.absent], [0, 0]);
    assert.ok(answers.right > answers.none, `${answers.right} right, ${answers.none} none`);
    await cluster.time.until(() => healed(cluster) === 200, 600_000);
    assert.equal(alarms(), 200);
    assert.equal(damaged(cluster), 0);
    for (const key of keys) {
      for (const node of holders) {
        const value = cluster.engine(node).storage.get(key)?.value;
        assert.equal(value && Buffer.from(value.bytes).toString(), `value of ${key}`);
      }
    }
  });

  it('are healed from ALL other replicas, not from those that happen to be there', async () => {
    const { cluster } = await start();
    const key = Uint8Array.of(7);
    await cluster.put('replica3', 7, 'old', 'ALL');
    cluster.network.isolate('replica1');
    await cluster.time.advance(3_000);
    await cluster.put('replica3', 7, 'new');
    cluster.network.heal();
    await cluster.time.advance(3_000);
    cluster.disk('replica0').flipRecord(key, 1);
    assert.throws(() => cluster.held('replica0', 7), { code: 'RECORD_DAMAGED' });
    cluster.network.isolate('replica2');
    await cluster.time.advance(120_000);
    assert.equal(damaged(cluster), 1);
    await assert.rejects(cluster.get('replica3', 7), { code: 'REPLICA_FAILURE' });
    cluster.network.heal();
    await cluster.time.until(() => damaged(cluster) === 0);
    assert.equal(cluster.held('replica0', 7), 'new');
  });

  it('keep what is stored over them, and stay silent until they are healed, over a restart too', async () => {
    const { cluster, alarms } = await start();
    const key = Uint8Array.of(7);
    await cluster.put('replica3', 7, 'old', 'ALL');
    cluster.disk('replica0').flipRecord(key, 1);
    assert.throws(() => cluster.held('replica0', 7), { code: 'RECORD_DAMAGED' });
    await cluster.put('replica3', 7, 'new');
    await cluster.time.advance(100);
    cluster.kill('replica0');
    await cluster.time.settle(cluster.boot('replica0'));
    assert.throws(() => cluster.held('replica0', 7), { code: 'RECORD_DAMAGED' });
    assert.equal(alarms(), 2);
    assert.equal(await cluster.get('replica0', 7), 'new');
    await cluster.time.until(() => damaged(cluster) === 0);
    assert.equal(cluster.held('replica0', 7), 'new');
  });

  it('are not healed while requests may live that count what this replica had acknowledged', async () => {
    const { cluster } = await start();
    const { network, time } = cluster;
    await cluster.put('replica3', 7, 'old', 'ALL');
    // The stores of a put reach replica0 soon, replica1 after some seconds and replica2 never.
    network.delayMs = (from) => (from === 'replica3' ? 10 : 1);
    const write = cluster.startWrite('replica3', 7, textValue('new'), 'QUORUM', 30_000);
    await time.advance(5);
    network.cut('replica3', 'replica1');
    network.cut('replica3', 'replica2');
    await time.advance(50);
    cluster.disk('replica0').flipRecord(Uint8Array.of(7), 1);
    assert.throws(() => cluster.held('replica0', 7), { code: 'RECORD_DAMAGED' });
    await time.advance(3_000);
    cluster.kill('replica2');
    await time.settle(cluster.boot('replica2'));
    network.heal();
    assert.notEqual((await time.settle(write)).version, undefined);
    cluster.kill('replica1');
    await time.advance(3_000);
    assert.equal(await cluster.get('replica3', 7).catch(() => 'no answer'), 'no answer');
    await time.settle(cluster.boot('replica1'));
    await time.until(() => damaged(cluster) === 0);
    assert.equal(cluster.held('replica0', 7), 'new');
  });

  it('stay damaged where there is no other replica', async () => {
    const { cluster } = await start({ replicationFactor: 1 });
    await cluster.put('replica3', 7, 'only', 'ONE');
    cluster.disk('replica0').flipRecord(Uint8Array.of(7), 1);
    assert.throws(() => cluster.held('replica0', 7), { code: 'RECORD_DAMAGED' });
    await cluster.time.advance(120_000);
    assert.equal(damaged(cluster), 1);
    await assert.rejects(cluster.get('replica0', 7, 'ONE'), { code: 'REPLICA_FAILURE' });
  });
  it('of which another replica lost its disk hold up one key, until an operator gives them up', async () => {
    let accepting = '';
    const { cluster } = await start({ acceptsLoss: (node) => node === accepting });
    const { time } = cluster;
    // The newest version of key 7 is on the two replicas that fail.
    for (const key of [7, 8]) await cluster.put('replica3', key, 'old', 'ALL');
    cluster.network.isolate('replica2');
    await time.advance(3_000);
    await cluster.put('replica3', 7, 'new');
    cluster.network.heal();
    await time.advance(3_000);
    cluster.disk('replica1').flipRecord(Uint8Array.of(7), 1);
    cluster.kill('replica0');
    cluster.wipe('replica0');
    await time.settle(cluster.boot('replica0'));
    await time.until(() => cluster.engine('replica0').rebuild?.status().isOver === true);
    await time.advance(120_000);
    assert.equal(cluster.held('replica0', 8), 'old');
    await cluster.put('replica3', 8, 'newer', 'ALL');
    for (const node of holders.slice(0, 2)) {
      assert.throws(() => cluster.held(node, 7), { code: 'RECORD_DAMAGED' });
    }
    await assert.rejects(cluster.get('replica3', 7), { code: 'REPLICA_FAILURE' });
    accepting = 'replica1';
    cluster.kill('replica1');
    await time.settle(cluster.boot('replica1'));
    await time.until(() => damaged(cluster) === 0, 120_000);
    assert.equal(await cluster.get('replica3', 7, 'ALL'), 'old');
  });
});

describe('damaged keys', () => {
  for (const at of [0, 1] as const) {
    const where = at === 0 ? 'that give another token' : 'that keep the token';
    it(`${where} are found by the scrub, and the lost keys come back`, async () => {
      const { cluster, alarms } = await start({ scrubPassMs: 60_000 });
      const keys = Array.from({ length: 20 }, (_, index) => keyOf(index));
      const writes = keys.map((key) => put(cluster, key, `value of ${key}`));
      await cluster.time.settle(Promise.all(writes));
      for (const key of keys.slice(0, 10)) cluster.disk('replica0').flipKey(key, at);
      const { storage } = cluster.engine('replica0');
      const missing = () => keys.filter((key) => storage.get(key) === undefined).length;
      assert.equal(missing(), 10);
      await cluster.time.until(() => alarms() === 10, 300_000);
      await cluster.time.until(() => damaged(cluster) === 0 && missing() === 0, 120_000);
      await cluster.time.until(() => cluster.engine('replica0').dirty.tokensOf('replica0').isEmpty);
      assert.equal(storage.entryCount(), 20);
    });
  }
});
