import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { encodeText, keyAfter } from '../../src/base/bytes.ts';
import { clockAtMs, type Version } from '../../src/record/version.ts';
import type { KeyedRecord } from '../../src/storage/storage.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

/** With four nodes, tokens 0 to 63 are on replica0, 1 and 2, tokens 64 to 127 on replica1, 2, 3. */
describe('ClusterWalk', () => {
  let cluster: SimulatedCluster;

  beforeEach(async () => {
    cluster = await SimulatedCluster.start({ mode: 'NONE' });
  });

  const at = (ms: number): Version => ({
    clock: clockAtMs(cluster.host('replica3').realtimeMs() + ms),
    node: 'replica1',
  });
  const give = (node: string, key: Uint8Array, text: string | undefined, version: Version) => {
    const value =
      text === undefined ? undefined : ({ kind: 'text', bytes: encodeText(text) } as const);
    return cluster.engine(node).storage.applyBatch([{ key, record: { version, value } }]);
  };
  const collect = async (start: Uint8Array) => {
    const found: KeyedRecord[] = [];
    for await (const records of cluster.engine('replica3').walk.from(start)) found.push(...records);
    return found;
  };
  const walk = async (start: Uint8Array = new Uint8Array()) => cluster.time.settle(collect(start));
  const shown = (records: readonly KeyedRecord[]) =>
    records.map(({ key, record }) => [
      Buffer.from(key).toString(),
      record.value ? Buffer.from(record.value.bytes).toString() : undefined,
    ]);

  it('gives the newest of each key once, in key order, tombstones included', async () => {
    const [early, late, now] = [at(-30), at(-20), at(-10)];
    await give('replica0', encodeText('\u0001a'), 'old', early);
    await give('replica1', encodeText('\u0001a'), 'new', late);
    await give('replica2', encodeText('\u0001b'), 'deleted', early);
    await give('replica0', encodeText('\u0001b'), undefined, now);
    await give('replica3', encodeText('za'), 'of one node only', now);
    await give('replica2', encodeText('a'), 'middle', now);
    const records = await walk();
    assert.deepEqual(shown(records), [
      ['\u0001a', 'new'],
      ['\u0001b', undefined],
      ['a', 'middle'],
      ['za', 'of one node only'],
    ]);
    assert.deepEqual(records[1]?.record.version, now);
    assert.deepEqual(shown(await walk(keyAfter(encodeText('\u0001b')))), [
      ['a', 'middle'],
      ['za', 'of one node only'],
    ]);
  });

  it('has all that a quorum acknowledged while one node is down, over many rounds', async () => {
    const keys = Array.from({ length: 1_500 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    const version = at(-10);
    for (const [index, key] of keys.entries()) {
      const replicas = ['replica1', 'replica2', 'replica3'].filter((_, at_) => at_ !== index % 3);
      for (const node of replicas) await give(node, encodeText(key), key, version);
    }
    cluster.kill('replica1');
    await cluster.time.advance(3_000);
    assert.deepEqual(
      shown(await walk()).map(([key]) => key),
      keys,
    );
  });

  it('leaves nothing out where one node holds many keys and another few', async () => {
    const keys = Array.from({ length: 1_300 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    for (const [index, key] of keys.entries()) {
      const node = index % 100 === 99 ? 'replica2' : 'replica1';
      await give(node, encodeText(key), key, at(-10));
    }
    assert.deepEqual(
      shown(await walk()).map(([key]) => key),
      keys,
    );
  });

  it('fails where fewer than a quorum can be asked, also if it knows no key there', async () => {
    await give('replica3', encodeText('za'), 'far away', at(-10));
    cluster.kill('replica0');
    cluster.kill('replica1');
    await cluster.time.advance(3_000);
    await assert.rejects(walk(), {
      code: 'NOT_ENOUGH_REPLICAS',
      details: {
        required: 2,
        alive: 1,
        token: 0,
        replicas: 'replica0=down replica1=down replica2=up',
        mayHaveApplied: false,
      },
    });
  });

  it('goes on without a node that dies on the way, and fails without two', async () => {
    const version = at(-10);
    for (let index = 0; index < 1_200; index++) {
      const key = encodeText(`k${String(index).padStart(4, '0')}`);
      for (const node of ['replica1', 'replica2', 'replica3']) await give(node, key, 'v', version);
    }
    const going = cluster.engine('replica3').walk.from(new Uint8Array())[Symbol.asyncIterator]();
    const next = () => cluster.time.settle(going.next());
    let count = (await next()).value?.length ?? 0;
    cluster.kill('replica1');
    for (let step = await next(); !step.done && count < 900; step = await next()) {
      count += step.value.length;
    }
    assert.ok(count >= 900);
    cluster.kill('replica2');
    await assert.rejects(
      (async () => {
        while (!(await next()).done);
      })(),
      { code: 'NOT_ENOUGH_REPLICAS' },
    );
  });
});
