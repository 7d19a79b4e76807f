import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import type { Version } from '../../src/record/version.ts';
import { clockAtMs } from '../../src/record/version.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

/** Node replica0 of four holds tokens 128 to 255 and 0 to 63; replica1 to 3 are its sources. */
describe('TokenCopier', () => {
  let cluster: SimulatedCluster;

  beforeEach(async () => {
    cluster = await SimulatedCluster.start({ mode: 'NONE' });
  });

  const at = (ms: number): Version => ({
    clock: clockAtMs(cluster.host('replica1').realtimeMs() + ms),
    node: 'replica1',
  });
  const keyOf = (token: number, index: number) =>
    Uint8Array.of(token, ...encodeText(String(index).padStart(5, '0')));
  const give = (node: string, key: Uint8Array, text: string, version: Version) =>
    cluster
      .engine(node)
      .storage.applyBatch([
        { key, record: { version, value: { kind: 'text', bytes: encodeText(text) } } },
      ]);
  const held = (key: Uint8Array) => {
    const value = cluster.engine('replica0').storage.get(key)?.value;
    return value && Buffer.from(value.bytes).toString();
  };
  const want = (round: bigint, tokens: readonly number[]) =>
    cluster.engine('replica0').copier.want(round, TokenSet.of(tokens));
  const copied = async (round: bigint, tokens: readonly number[], limitMs = 20_000) => {
    for (let ms = 0; ms < limitMs; ms += 100) {
      if (want(round, tokens)) return true;
      await cluster.time.advance(100);
    }
    return false;
  };

  it('brings the newest of all other replicas, values and tombstones, of the tokens alone', async () => {
    const [k1, k2, k3, other] = [keyOf(5, 1), keyOf(5, 2), keyOf(5, 3), keyOf(6, 1)] as const;
    await give('replica1', k1, 'old', at(-20));
    await give('replica2', k1, 'new', at(-10));
    await give('replica0', k2, 'own', at(-5));
    await give('replica1', k2, 'older', at(-15));
    await give('replica0', k3, 'deleted since', at(-30));
    await cluster
      .engine('replica2')
      .storage.applyBatch([{ key: k3, record: { version: at(-3), value: undefined } }]);
    await give('replica1', other, 'not asked for', at(-20));
    assert.equal(await copied(1n, [5]), true);
    assert.equal(held(k1), 'new');
    assert.equal(held(k2), 'own');
    assert.deepEqual(cluster.engine('replica0').storage.versionOf(k3)?.clock !== undefined, true);
    assert.equal(held(k3), undefined);
    assert.equal(held(other), undefined);
  });

  it('goes through many slices', async () => {
    const keys = Array.from({ length: 1_500 }, (_, index) => keyOf(index % 2 === 0 ? 3 : 4, index));
    for (const key of keys) await give('replica1', key, 'x', at(-10));
    assert.equal(await copied(2n, [3, 4]), true);
    assert.equal(keys.filter((key) => held(key) === undefined).length, 0);
  });

  it('is not done while one other replica is away, and is when that is back', async () => {
    await give('replica1', keyOf(5, 1), 'here', at(-10));
    cluster.network.isolate('replica2');
    assert.equal(await copied(3n, [5], 5_000), false);
    cluster.network.heal();
    assert.equal(await copied(3n, [5]), true);
    assert.equal(held(keyOf(5, 1)), 'here');
  });

  it('begins anew for a wish that came while it was copying', async () => {
    for (let index = 0; index < 600; index++) {
      await give('replica1', keyOf(3, index), 'x', at(-10));
      await give('replica2', keyOf(3, index), 'x', at(-10));
    }
    want(4n, [3]);
    await cluster.time.advance(4);
    const late = keyOf(3, 0).subarray(0, 2);
    await give('replica1', late, 'late', at(-1));
    assert.equal(want(5n, [3]), false);
    assert.equal(await copied(5n, [3]), true);
    assert.equal(held(late), 'late');
  });

  it('brings what is below the own seal only from a source whose floor is as high', async () => {
    const [key, clock] = [keyOf(5, 1), at(-10).clock];
    const floorsOf = (node: string) => cluster.engine(node).floors;
    await give('replica1', key, 'lost here', at(-20));
    await give('replica2', key, 'lost here', at(-20));
    await cluster.time.settle(floorsOf('replica0').seal([5], () => clock));
    assert.equal(await copied(7n, [5]), true);
    assert.equal(held(key), undefined);
    await cluster.time.settle(floorsOf('replica2').raise([5], () => clock));
    assert.equal(await copied(8n, [5]), true);
    assert.equal(held(key), 'lost here');
  });

  it('copies nothing of tokens that it does not hold', async () => {
    await give('replica1', keyOf(70, 1), 'foreign', at(-10));
    assert.equal(await copied(6n, [70]), true);
    assert.equal(held(keyOf(70, 1)), undefined);
  });
});
