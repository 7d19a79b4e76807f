import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const isLong = process.env['QUORATE_TEST_LONG'] === '1';
const keyCount = isLong ? 2_000 : 300;

describe('a real node that lost its disk', () => {
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await startCluster({ isDurable: true });
  });
  after(() => cluster.stop());

  const textOf = async (by: string, key: string) => {
    const client = cluster.client(by);
    const { value } = await client.get(key).finally(() => client.close());
    return value?.kind === 'text' ? value.text : undefined;
  };
  const put = async (
    by: string,
    keys: readonly string[],
    text: string,
    consistency: ConsistencyLevel = 'QUORUM',
  ) => {
    const client = cluster.client(by);
    for (const key of keys) await client.put(key, { kind: 'text', text }, { consistency });
    client.close();
  };
  const describeNode = async (name: string) => {
    const client = cluster.client(name);
    return client.describeCluster().finally(() => client.close());
  };

  it('is refused, takes writes with --rebuild, and answers no read before it holds everything', async () => {
    // A space is token 32, held by the nodes 0, 1 and 2.
    const keys = Array.from({ length: keyCount }, (_, index) => ` ${index}`);
    await put('replica3', keys, 'before');
    await cluster.kill('replica1');
    rmSync(cluster.directory('replica1'), { recursive: true });
    await assert.rejects(cluster.restart('replica1'), /--rebuild/);
    // While this one is away the rebuild cannot end, however slow the machine is.
    await cluster.kill('replica2');
    await cluster.restart('replica1', '--rebuild');
    await cluster.untilMet(['replica0', 'replica1', 'replica3']);
    const { rebuild } = await describeNode('replica1');
    assert.equal(rebuild?.sources, 3);
    await put('replica1', keys.slice(0, 10), 'after', 'ONE');
    // The two that are left are no quorum while one of them does not know what it should hold.
    for (const by of ['replica0', 'replica1']) {
      await assert.rejects(textOf(by, ' 99'), { code: 'NOT_ENOUGH_REPLICAS' });
    }
    await cluster.restart('replica2');
    await cluster.untilMet();
    assert.equal(await textOf('replica1', ' 99'), 'before');
    if (!isLong) return;
    const isWhole = async () => (await describeNode('replica1')).rebuild === undefined;
    await until('replica1 is rebuilt', isWhole, 90_000);
    await cluster.kill('replica2');
    await cluster.untilSeen('replica0', 'replica2', 'down');
    for (const [index, key] of keys.entries()) {
      assert.equal(await textOf('replica0', key), index < 10 ? 'after' : 'before', key);
    }
    const { entries } = await describeNode('replica1');
    assert.equal(entries, keys.length);
  });
});
