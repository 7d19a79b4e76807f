import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DescribeClusterResponse } from '../../generated/quorate/v1/cluster.ts';
import { clusterAnswer } from '../../src/client/answer-forms.ts';
import { clusterHandlers } from '../../src/rpc/cluster-handlers.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

/** What a node of a simulated cluster says of the cluster. */
async function describeCluster(cluster: SimulatedCluster, node: string) {
  const handlers = clusterHandlers(
    { ...cluster.engine(node), snapshots: undefined, transportClock: cluster.host(node) },
    {
      node,
      clusterName: 'simulated',
      mode: 'BOTH',
      addresses: cluster.names.map((name) => ({ name, host: 'localhost', port: 1 })),
      storageKind: 'durable',
      status: () => 'ready',
    },
  );
  const call = { request: {}, getDeadline: () => Number.POSITIVE_INFINITY, on: () => undefined };
  const response = await new Promise<DescribeClusterResponse>((resolve, reject) => {
    handlers.describeCluster(call as never, (error, value) =>
      value ? resolve(value) : reject(error),
    );
  });
  return clusterAnswer(response);
}

describe('DescribeCluster', () => {
  it('tells how far the rebuild of a lost disk has come, until it is over', async () => {
    const cluster = await SimulatedCluster.start({ isDurable: true });
    await cluster.put('replica0', 7, 'x', 'ALL');
    assert.equal((await describeCluster(cluster, 'replica0')).rebuild, undefined);
    cluster.network.isolate('replica3');
    cluster.kill('replica0');
    cluster.wipe('replica0');
    await cluster.time.settle(cluster.boot('replica0'));
    const { rebuild } = await describeCluster(cluster, 'replica0');
    assert.deepEqual(rebuild, { sources: 3, sourcesDone: 0, keysCopied: 0 });
    await cluster.time.advance(35_000);
    const later = await describeCluster(cluster, 'replica0');
    assert.deepEqual(later.rebuild, { sources: 3, sourcesDone: 2, keysCopied: 1 });
    cluster.network.heal();
    await cluster.time.advance(10_000);
    assert.equal((await describeCluster(cluster, 'replica0')).rebuild, undefined);
  });

  it('tells how many keys are damaged, and when all were checked last', async () => {
    const cluster = await SimulatedCluster.start({ isDurable: true, scrubPassMs: 5_000 });
    await cluster.put('replica0', 7, 'x', 'ALL');
    const before = await describeCluster(cluster, 'replica0');
    assert.deepEqual([before.damagedKeys, before.lastScrubTimeMs], [0, undefined]);
    await cluster.time.advance(20_000);
    cluster.disk('replica0').flipRecord(Uint8Array.of(7), 1);
    await cluster.time.advance(20_000);
    const after = await describeCluster(cluster, 'replica0');
    assert.equal(after.damagedKeys, 1);
    const scrubbedAgoMs = cluster.host('replica0').realtimeMs() - (after.lastScrubTimeMs ?? 0);
    assert.ok(scrubbedAgoMs >= 0 && scrubbedAgoMs <= 10_000, `${scrubbedAgoMs} ms ago`);
  });
});
