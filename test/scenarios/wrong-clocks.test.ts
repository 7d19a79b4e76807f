import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

const hourMs = 3_600_000;

describe('one wrong clock', () => {
  it('freezes no key when it is stepped between the version query and the store', async () => {
    const cluster = await SimulatedCluster.start({ nodes: 3 });
    const put = cluster.startWrite('replica0', 7, textValue('a'), 'QUORUM', 1_000);
    cluster.host('replica0').skewMs = hourMs;
    await assert.rejects(cluster.time.settle(put));
    cluster.host('replica0').skewMs = 0;
    await cluster.time.advance(30_000);
    assert.equal(cluster.held('replica0', 7), undefined);
    await cluster.put('replica1', 7, 'b');
  });

  it('freezes no key when the node that was judged apart loses sight of the others', async () => {
    const cluster = await SimulatedCluster.start({ nodes: 4 });
    cluster.host('replica0').skewMs = hourMs;
    await cluster.time.advance(3_000);
    await assert.rejects(cluster.put('replica0', 7, 'a', 'ONE'), { code: 'CLOCK_SKEW' });
    cluster.network.isolate('replica0');
    await cluster.time.advance(2_000);
    await assert.rejects(cluster.put('replica0', 7, 'a', 'ONE'), { code: 'CLOCK_SKEW' });
  });

  it('freezes no key (the same, seen from outside)', async () => {
    const cluster = await SimulatedCluster.start({ nodes: 4 });
    cluster.host('replica0').skewMs = hourMs;
    await cluster.time.advance(3_000);
    cluster.network.isolate('replica0');
    await cluster.time.advance(2_000);
    await cluster.put('replica0', 7, 'a', 'ONE').catch(() => undefined);
    cluster.network.heal();
    cluster.host('replica0').skewMs = 0;
    await cluster.time.advance(30_000);
    await cluster.put('replica1', 7, 'b');
  });
});
