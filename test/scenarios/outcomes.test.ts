import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QuorateError } from '../../src/base/quorate-error.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

async function errorOf(promise: Promise<unknown>): Promise<QuorateError> {
  return promise.then(
    () => assert.fail('it succeeded'),
    (error: QuorateError) => error,
  );
}

describe('a put that cannot succeed', () => {
  it('is refused before anything is sent when too few replicas are live', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.kill('replica1');
    cluster.kill('replica2');
    await cluster.time.advance(2_000);
    const error = await errorOf(cluster.put('replica0', 7, 'x'));
    assert.equal(error.code, 'NOT_ENOUGH_REPLICAS');
    assert.deepEqual(error.details, {
      required: 2,
      alive: 1,
      mayHaveApplied: false,
      replicas: 'replica0=up replica1=down replica2=down',
    });
    assert.equal(cluster.held('replica0', 7), undefined);
    assert.equal(cluster.hints('replica0', 'replica1'), 0);
  });

  it('certainly did not happen when the versions were not named in time', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    const startMs = cluster.time.nowMs;
    const error = await errorOf(cluster.write('replica0', 7, textValue('x'), 'QUORUM', 400));
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, false);
    assert.equal(
      error.details['replicas'],
      'replica0=answered replica1=timed-out replica2=timed-out',
    );
    assert.ok(cluster.time.nowMs - startMs <= 401);
    cluster.host('replica1').resume();
    cluster.host('replica2').resume();
    await cluster.time.advance(30_000);
    for (const node of cluster.names) assert.equal(cluster.held(node, 7), undefined);
  });

  it('may have happened when stores were sent and not acknowledged in time', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    const error = await errorOf(cluster.write('replica0', 7, textValue('x'), 'TWO', 400));
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, true);
    assert.deepEqual([error.details['required'], error.details['received']], [2, 1]);
    assert.equal(cluster.hints('replica0', 'replica1'), 1, 'it exists, so its absence is hinted');
    cluster.host('replica1').resume();
    cluster.host('replica2').resume();
    await cluster.time.advance(15_000);
    for (const node of ['replica0', 'replica1', 'replica2']) {
      assert.equal(cluster.held(node, 7), 'x', node);
    }
  });

  it('ends at once, not at its deadline, when the links break under it', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    const put = cluster.startWrite('replica0', 7, textValue('x'), 'TWO', 2_000);
    put.catch(() => undefined);
    await cluster.time.advance(5);
    cluster.kill('replica1');
    cluster.kill('replica2');
    const startMs = cluster.time.nowMs;
    const error = await errorOf(cluster.time.settle(put));
    assert.equal(error.code, 'REPLICA_FAILURE');
    assert.equal(error.mayHaveApplied, true);
    assert.ok(cluster.time.nowMs - startMs < 100);
  });

  it('is refused by all replicas for its clock and leaves nothing, not even a hint', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    // replica3 holds no copy of the key. Its clock drifts between two pings, unseen by the step
    // detection, which looks at its own clock only when it is asked.
    for (const node of ['replica0', 'replica1', 'replica2']) cluster.host(node).skewMs = -600;
    const error = await errorOf(cluster.put('replica3', 7, 'x', 'ONE'));
    assert.equal(error.code, 'REPLICA_FAILURE');
    assert.equal(error.mayHaveApplied, false);
    assert.equal(error.details['replicas'], 'replica0=failed replica1=failed replica2=failed');
    for (const node of cluster.names) {
      assert.equal(cluster.held(node, 7), undefined);
      assert.equal(cluster.hints('replica3', node), 0);
    }
  });

  it('is not sent by a coordinator that was paused past the deadline', async () => {
    const cluster = await SimulatedCluster.start();
    const put = cluster.startWrite('replica3', 7, textValue('x'), 'QUORUM', 500);
    put.catch(() => undefined);
    // One hop: the version queries have arrived, the answers are on their way.
    await cluster.time.advance(1);
    cluster.host('replica3').pause();
    await cluster.time.advance(1_000);
    cluster.host('replica3').resume();
    const error = await errorOf(cluster.time.settle(put));
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, false);
    await cluster.time.advance(10_000);
    for (const node of cluster.names) assert.equal(cluster.held(node, 7), undefined);
  });
});

describe('a get that cannot succeed', () => {
  it('says by its deadline who answered and who did not', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    const startMs = cluster.time.nowMs;
    const error = await errorOf(cluster.read('replica0', 7, 'QUORUM', 300));
    assert.equal(error.code, 'READ_TIMEOUT');
    assert.equal(
      error.details['replicas'],
      'replica0=answered replica1=timed-out replica2=timed-out',
    );
    assert.ok(cluster.time.nowMs - startMs <= 301);
  });

  it('ends when its caller has gone', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    let cancel = () => {};
    const get = cluster.engine('replica0').coordinator.get({
      key: Uint8Array.of(7),
      level: 'QUORUM',
      timeoutMs: 2_000,
      isExplained: false,
      onCancel: (stop) => {
        cancel = stop;
      },
    });
    cancel();
    assert.equal((await errorOf(get)).code, 'CANCELLED');
    assert.equal(cluster.engine('replica0').coordinator.inFlight, 0);
  });
});

describe('a node', () => {
  it('takes no request before it is ready and none while it drains', async () => {
    const cluster = new SimulatedCluster({ nodes: 1 });
    const boot = cluster.boot('replica0');
    const early = cluster.startRead('replica0', 7, 'ONE', 100);
    assert.equal((await errorOf(early)).code, 'NODE_NOT_READY');
    await cluster.time.settle(boot);
    assert.equal(await cluster.get('replica0', 7, 'ONE'), undefined);
    await cluster.engine('replica0').drain();
    assert.equal((await errorOf(cluster.read('replica0', 7, 'ONE'))).code, 'NODE_NOT_READY');
  });

  it('is over its limit of load before it is out of memory', async () => {
    const cluster = await SimulatedCluster.start();
    cluster.host('replica1').pause();
    cluster.host('replica2').pause();
    const value = { kind: 'bytes', bytes: new Uint8Array(1_000_000) } as const;
    const puts = Array.from({ length: 100 }, (_, at) =>
      cluster.startWrite('replica0', 7, value, at % 2 ? 'TWO' : 'THREE', 300),
    );
    const outcomes = await cluster.time.settle(Promise.allSettled(puts));
    const codes = new Set(
      outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code),
    );
    assert.deepEqual([...codes].sort(), ['OVERLOADED', 'WRITE_TIMEOUT']);
    const refused = outcomes.find((o) => o.status === 'rejected' && o.reason.code === 'OVERLOADED');
    assert.equal(refused?.status === 'rejected' && refused.reason.mayHaveApplied, false);
  });
});
