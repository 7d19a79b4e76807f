import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QuorateError } from '../../src/base/quorate-error.ts';
import { compareVersions } from '../../src/record/version.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'OK',
    (error: QuorateError) => error.code,
  );
}

describe('writes at QUORUM', () => {
  it('order two puts of the same millisecond as they were acknowledged', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.network.delayMs = () => 0;
    // What is under way arrives later than this says, and holds up what follows it.
    await cluster.time.advance(10);
    const nowMs = cluster.time.nowMs;
    const first = await cluster.put('replica2', 7, 'first');
    const second = await cluster.put('replica0', 7, 'second');
    assert.equal(cluster.time.nowMs, nowMs, 'both happened in one millisecond');
    assert.ok(compareVersions(second.version, first.version) > 0);
    for (const node of cluster.names) assert.equal(await cluster.get(node, 7), 'second');
  });

  it('let a delete win over an earlier put and a put over an earlier delete', async () => {
    const cluster = await SimulatedCluster.start();
    await cluster.put('replica1', 7, 'there');
    await cluster.delete('replica0', 7);
    for (const node of cluster.names) assert.equal(await cluster.get(node, 7), undefined);
    await cluster.put('replica3', 7, 'again');
    for (const node of cluster.names) assert.equal(await cluster.get(node, 7), 'again');
  });

  it('let the later put win though its clock is 400 ms behind that of the earlier', async () => {
    const cluster = await SimulatedCluster.start();
    // replica3 holds no copy of the key, so only the version query can tell it of the other.
    cluster.host('replica0').skewMs = 200;
    cluster.host('replica3').skewMs = -200;
    await cluster.time.advance(2_000);
    for (let round = 0; round < 10; round++) {
      await cluster.put('replica0', 7, `ahead ${round}`);
      await cluster.put('replica3', 7, `behind ${round}`);
      for (const node of cluster.names) assert.equal(await cluster.get(node, 7), `behind ${round}`);
    }
  });
});

describe('a clock that is 60 s ahead for 100 ms', () => {
  for (const level of ['ONE', 'QUORUM', 'ALL'] as const) {
    it(`freezes no key at ${level}: its node answers CLOCK_SKEW and stores nothing`, async () => {
      const cluster = await SimulatedCluster.start();
      await cluster.put('replica0', 7, 'before');
      cluster.host('replica0').skewMs = 60_000;
      const endMs = cluster.time.nowMs + 100;
      while (cluster.time.nowMs < endMs) {
        assert.equal(await codeOf(cluster.put('replica0', 7, 'frozen', level)), 'CLOCK_SKEW');
        await cluster.time.advance(7);
      }
      for (const node of ['replica0', 'replica1', 'replica2']) {
        assert.equal(cluster.held(node, 7), 'before');
      }
      cluster.host('replica0').skewMs = 0;
      await cluster.time.advance(1_000);
      assert.equal(await codeOf(cluster.put('replica0', 7, 'after', level)), 'OK');
      assert.equal(await cluster.get('replica3', 7), 'after');
    });
  }

  it('stops its node from coordinating while it lasts, and other nodes go on', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica0').skewMs = 60_000;
    await cluster.time.advance(3_000);
    assert.equal(cluster.engine('replica0').clockMonitor.verdict(reading(cluster)), 'apart');
    for (const level of ['ONE', 'QUORUM', 'ALL'] as const) {
      assert.equal(await codeOf(cluster.put('replica0', 7, 'x', level)), 'CLOCK_SKEW');
      assert.equal(await codeOf(cluster.put('replica1', 7, level, level)), 'OK');
      assert.equal(await cluster.get('replica0', 7), level, 'reads need no clock');
    }
  });
});

describe('a version far ahead of the clocks', () => {
  it('makes no coordinator write above it: CLOCK_SKEW', async () => {
    const cluster = await SimulatedCluster.start();
    const host = cluster.host('replica0');
    const version = { clock: BigInt(host.realtimeMs() + 5_000) << 16n, node: 'replica9' };
    const record = { version, value: undefined };
    for (const node of ['replica0', 'replica1', 'replica2']) {
      await cluster.engine(node).storage.applyBatch([{ key: Uint8Array.of(7), record }]);
    }
    assert.equal(await codeOf(cluster.put('replica0', 7, 'x')), 'CLOCK_SKEW');
    await cluster.time.advance(5_000);
    assert.equal(await codeOf(cluster.put('replica0', 7, 'x')), 'OK');
  });
});

describe('a put at ONE', () => {
  it('is refused by a node that has not compared its clock with a majority of the others', async () => {
    const cluster = new SimulatedCluster();
    const start = cluster.boot('replica0');
    await cluster.time.settle(start);
    assert.equal(await codeOf(cluster.put('replica0', 7, 'x', 'ONE')), 'CLOCK_SKEW');
    void cluster.boot('replica1');
    await cluster.time.advance(2_000);
    assert.equal(await codeOf(cluster.put('replica0', 7, 'x', 'ONE')), 'CLOCK_SKEW');
    void cluster.boot('replica2');
    await cluster.time.advance(2_000);
    assert.equal(await codeOf(cluster.put('replica0', 7, 'x', 'ONE')), 'OK');
  });

  it('says in its explanation that it was superseded', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica1').skewMs = 200;
    await cluster.time.advance(2_000);
    await cluster.put('replica1', 7, 'ahead', 'ALL');
    const { explanation } = await cluster.put('replica3', 7, 'behind', 'ONE');
    assert.equal(explanation?.isSuperseded, true);
    assert.equal(await cluster.get('replica0', 7), 'ahead');
  });
});

function reading(cluster: SimulatedCluster) {
  const host = cluster.host('replica0');
  return { realtimeMs: host.realtimeMs(), monotonicMs: host.monotonicMs() };
}
