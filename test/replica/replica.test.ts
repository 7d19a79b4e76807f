import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { HybridClock } from '../../src/record/hybrid-clock.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { clockAtMs, type Version } from '../../src/record/version.ts';
import { Replica } from '../../src/replica/replica.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import type { KeyedRecord } from '../../src/storage/storage.ts';
import { numberKey, textRecord } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

/** A storage whose flush ends when the test says so. */
class SlowStorage extends MemoryStorage {
  readonly batches: (readonly KeyedRecord[])[] = [];
  readonly flushes: (() => void)[] = [];
  failure: Error | undefined;

  override async applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]> {
    this.batches.push(records);
    await new Promise<void>((resolve) => this.flushes.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return super.applyBatch(records);
  }

  /** Ends all flushes. */
  async flush(): Promise<void> {
    for (const flush of this.flushes.splice(0)) flush();
    await settlePromises();
  }
}

describe('Replica', () => {
  let clock: SimulatedHost;
  let hybridClock: HybridClock;
  let storage: SlowStorage;
  let replica: Replica;
  let replies: [number, ReplicaReply][];

  beforeEach(() => {
    clock = new SimulatedHost(new SimulatedTime());
    hybridClock = new HybridClock();
    storage = new SlowStorage();
    const owners = evenOwners(['replica0', 'replica1', 'replica2', 'replica3']);
    const ring = new Ring({
      epoch: 1,
      partitioner: byteOrderedPartitioner,
      replicationFactor: 3,
      owners,
    });
    const components = { clock, hybridClock, logger: silentLogger, ring, storage };
    replica = new Replica(components, { node: 'replica0' });
    replies = [];
  });

  const handle = (...requests: ReplicaRequest[]) =>
    replica.handle(requests, (index, reply) => replies.push([index, reply]));
  const aheadBy = (ms: number) => ({ clock: clockAtMs(clock.realtimeMs() + ms), node: 'b' });
  const storing = (operation: 'store' | 'spread', version: Version, key = 7) =>
    ({ operation, key: numberKey(key), record: textRecord(version) }) as const;
  const answered = (version: Version) => ({
    outcome: 'ok' as const,
    version,
    record: undefined,
    clockMs: clock.realtimeMs(),
  });

  it('acknowledges a store only when it is durable', async () => {
    const version = aheadBy(0);
    handle(storing('store', version));
    await settlePromises();
    assert.deepEqual(replies, []);
    await storage.flush();
    assert.deepEqual(replies, [[0, answered(version)]]);
  });

  it('answers reads from what is durable, before it returns', async () => {
    const version = aheadBy(0);
    handle(storing('store', version), { operation: 'read-value', key: numberKey(7) });
    const nothing = { ...answered(version), version: undefined };
    assert.deepEqual(replies, [[1, nothing]]);
    await storage.flush();
    replies = [];
    handle(
      { operation: 'read-value', key: numberKey(7) },
      { operation: 'read-version', key: numberKey(7) },
      { operation: 'query-version', key: numberKey(7) },
    );
    assert.deepEqual(replies, [
      [0, { ...answered(version), record: textRecord(version) }],
      [1, answered(version)],
      [2, answered(version)],
    ]);
  });

  it('applies all stores that arrive together in one batch', async () => {
    const [older, newer] = [aheadBy(0), aheadBy(1)];
    handle(storing('store', newer, 1), storing('spread', older, 2), storing('store', older, 1));
    assert.equal(storage.batches.length, 1);
    await storage.flush();
    assert.deepEqual(replies, [
      [0, answered(newer)],
      [1, answered(older)],
      [2, answered(newer)],
    ]);
  });

  it('acknowledges an older write with the newer version that it holds', async () => {
    const [older, newer] = [aheadBy(-5), aheadBy(0)];
    handle(storing('store', newer));
    await storage.flush();
    handle(storing('store', older));
    await storage.flush();
    assert.deepEqual(replies.at(-1), [0, answered(newer)]);
  });

  it('refuses a new write more than 500 ms ahead of its clock, and stores nothing', async () => {
    handle(storing('store', aheadBy(501)), storing('store', aheadBy(500), 8));
    await storage.flush();
    assert.deepEqual(replies, [
      [0, { outcome: 'refused', reason: 'clock-ahead' }],
      [1, answered(aheadBy(500))],
    ]);
    assert.equal(storage.get(numberKey(7)), undefined);
  });

  it('never refuses a version that exists already for the clock', async () => {
    const version = aheadBy(3_600_000);
    handle(storing('spread', version));
    await storage.flush();
    assert.deepEqual(replies, [[0, answered(version)]]);
  });

  it('refuses everything of a token that it does not hold', async () => {
    const key = numberKey(64);
    handle({ operation: 'read-value', key }, { operation: 'query-version', key });
    handle(storing('spread', aheadBy(0), 64));
    const refused = { outcome: 'refused', reason: 'not-a-replica' };
    assert.deepEqual(replies, [
      [0, refused],
      [1, refused],
      [0, refused],
    ]);
    assert.equal(storage.batches.length, 0);
  });

  it('says that it does not know when the storage fails', async () => {
    storage.failure = new Error('no disk');
    handle(storing('store', aheadBy(0), 1), storing('store', aheadBy(0), 2));
    await storage.flush();
    const failed = { outcome: 'unknown', reason: 'failed' };
    assert.deepEqual(replies, [
      [0, failed],
      [1, failed],
    ]);
  });

  it('lets its clock follow what it stores, but not one that is too far ahead', () => {
    handle(storing('spread', aheadBy(400)));
    assert.equal(hybridClock.next(clock.realtimeMs()), aheadBy(400).clock + 1n);
    handle(storing('spread', aheadBy(3_600_000)));
    assert.equal(hybridClock.next(clock.realtimeMs()), aheadBy(400).clock + 2n);
  });
});
