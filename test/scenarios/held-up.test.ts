import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

describe('a coordinator that was held up past a deadline', () => {
  for (const level of ['QUORUM', 'THREE'] as const) {
    it(`answers a put at ${level} WRITE_TIMEOUT, not that replicas failed`, async () => {
      const cluster = await SimulatedCluster.start({ nodes: 3 });
      const put = cluster.startWrite('replica0', 7, textValue('a'), level, 100);
      cluster.host('replica0').pause();
      cluster.time.at(cluster.time.nowMs + 200, () => cluster.host('replica0').resume());
      await assert.rejects(cluster.time.settle(put), { code: 'WRITE_TIMEOUT' });
    });
  }

  it('answers a get READ_TIMEOUT, not that replicas failed', async () => {
    const cluster = await SimulatedCluster.start({ nodes: 3 });
    const get = cluster.startRead('replica0', 7, 'QUORUM', 100);
    cluster.host('replica0').pause();
    cluster.time.at(cluster.time.nowMs + 200, () => cluster.host('replica0').resume());
    await assert.rejects(cluster.time.settle(get), { code: 'READ_TIMEOUT' });
  });
});

describe('gets of large values at a node that is no replica', () => {
  for (const level of ['ONE', 'QUORUM'] as const) {
    it(`at ${level}: 100 at once, all are answered while all nodes are up`, async () => {
      const cluster = await SimulatedCluster.start({ nodes: 4 });
      const value = { kind: 'bytes', bytes: new Uint8Array(1024 * 1024) } as const;
      await cluster.write('replica0', 70, value, 'ALL', 2_000);
      const gets = Array.from({ length: 100 }, () =>
        cluster.startRead('replica0', 70, level, 2_000).then(
          () => 'answered',
          (error: unknown) => String(error),
        ),
      );
      const outcomes = new Set(await cluster.time.settle(Promise.all(gets)));
      assert.deepEqual([...outcomes], ['answered']);
    });
  }
});

describe('a node that is stopped while it starts', () => {
  it('takes no requests afterwards', async () => {
    const cluster = new SimulatedCluster({ nodes: 1 });
    const started = cluster.boot('replica0');
    const engine = cluster.engine('replica0');
    await cluster.time.advance(100);
    await engine.drain();
    await engine.stop();
    await cluster.time.advance(3_000);
    await started;
    await assert.rejects(cluster.put('replica0', 7, 'a'), { code: 'NODE_NOT_READY' });
  });
});
