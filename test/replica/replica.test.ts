import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { formatHex } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { ClockMonitor } from '../../src/record/clock-monitor.ts';
import { HybridClock } from '../../src/record/hybrid-clock.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { clockAtMs, floorVersion, newerVersion, type Version } from '../../src/record/version.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { type ReclaimRounds, Replica } from '../../src/replica/replica.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { Reclaimable } from '../../src/storage/reclaimable.ts';
import type { KeyedRecord } from '../../src/storage/storage.ts';
import { StorageError } from '../../src/storage/storage-error.ts';
import { TokenFloors } from '../../src/storage/token-floors.ts';
import { numberKey, textRecord } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

/** A storage whose flush ends when the test says so. */
class SlowStorage extends MemoryStorage {
  readonly batches: (readonly KeyedRecord[])[] = [];
  readonly flushes: (() => void)[] = [];
  failure: Error | undefined;
  damaged: Uint8Array | undefined;
  isClockKnown = true;
  /** What is remembered and not durable yet. */
  onTheWay: Version | undefined;

  override get(key: Uint8Array): VersionedValue | undefined {
    if (this.damaged?.[0] === key[0]) throw new QuorateError('RECORD_DAMAGED');
    return super.get(key);
  }

  override newestVersionOf(key: Uint8Array): Version | undefined {
    return newerVersion(super.newestVersionOf(key), this.onTheWay);
  }

  override newestClock(): bigint | undefined {
    return this.isClockKnown ? super.newestClock() : undefined;
  }

  override damagedKeys(): readonly Uint8Array[] {
    return this.damaged === undefined ? [] : [this.damaged];
  }

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
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let hybridClock: HybridClock;
  let storage: SlowStorage;
  let replica: Replica;
  let replies: [number, ReplicaReply][];
  let wishes: number[][];
  let floors: TokenFloors;
  let reclaim: ReclaimRounds;
  let watched: bigint;
  let noted: number[];
  let isFloorKnown: boolean;

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    hybridClock = new HybridClock();
    storage = new SlowStorage();
    const owners = evenOwners(['replica0', 'replica1', 'replica2', 'replica3']);
    const ring = new Ring({
      epoch: 1,
      partitioner: byteOrderedPartitioner,
      replicationFactor: 3,
      owners,
    });
    wishes = [];
    const copies = {
      want: (round: bigint, tokens: TokenSet) => {
        wishes.push([...tokens.tokens()]);
        return round === 6n;
      },
    };
    floors = new TokenFloors(new MemoryTables({ clock }));
    watched = 0n;
    noted = [];
    reclaim = {
      answer: () => Promise.resolve({ outcome: 'refused', reason: 'not-now' }),
      watchedBelow: () => watched,
      noteStored: (token) => noted.push(token),
      raiseTo: async (token, floor) => {
        if (floor > floors.sealOf(token)) return false;
        await floors.raise([token], () => floor);
        return true;
      },
    };
    isFloorKnown = true;
    const start = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
    const clockMonitor = new ClockMonitor(start, { otherNodes: 0 });
    const reclaimable = new Reclaimable({ clock, clockMonitor, floors }, { tombstoneAgeMs: 5_000 });
    const knowsFloors = () => isFloorKnown;
    const shared = { clock, hybridClock, logger: silentLogger, ring, storage, copies };
    replica = new Replica(
      { ...shared, floors, reclaim, reclaimable, knowsFloors },
      { node: 'replica0' },
    );
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

  it('names a clock that none of its versions is newer than', async () => {
    handle({ operation: 'query-clock' });
    assert.deepEqual(replies.splice(0), [[0, { ...answered(aheadBy(0)), version: undefined }]]);
    handle(storing('store', aheadBy(200), 7), storing('store', aheadBy(0), 8));
    await storage.flush();
    replies = [];
    handle({ operation: 'query-clock' });
    const version = floorVersion(aheadBy(200).clock);
    assert.deepEqual(replies, [[0, { ...answered(aheadBy(0)), version }]]);
  });

  it('names no clock that is over 200 ms ahead of its own, or that it does not know', async () => {
    handle(storing('store', aheadBy(201)));
    await storage.flush();
    replies = [];
    handle({ operation: 'query-clock' });
    storage.isClockKnown = false;
    handle({ operation: 'query-clock' });
    const notNow = [0, { outcome: 'refused', reason: 'not-now' }];
    assert.deepEqual(replies, [notNow, notNow]);
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

  it('answers no question while it rebuilds, and takes stores', async () => {
    replica.setStanding({ servesReads: false });
    const version = aheadBy(0);
    const key = numberKey(7);
    handle(
      { operation: 'read-value', key },
      { operation: 'read-version', key },
      { operation: 'query-version', key },
      { operation: 'list', key, tokens: TokenSet.of([7]).toBytes() },
      { operation: 'compare', compared: [{ key, version }] },
      { operation: 'query-clock' },
      storing('spread', version),
    );
    await storage.flush();
    const refused = { outcome: 'refused', reason: 'rebuilding' };
    assert.deepEqual(
      replies.slice(0, 6),
      [0, 1, 2, 3, 4, 5].map((index) => [index, refused]),
    );
    assert.deepEqual(replies[6], [6, answered(version)]);
  });

  it('takes no store while its disk is full, found before or during the store', async () => {
    replica.setStanding({ takesWrites: false });
    const refused = { outcome: 'refused', reason: 'read-only' };
    handle(storing('store', aheadBy(0)), { operation: 'read-version', key: numberKey(7) });
    assert.deepEqual(replies, [
      [0, refused],
      [1, { ...answered(aheadBy(0)), version: undefined }],
    ]);
    replica.setStanding({ takesWrites: true });
    replies = [];
    storage.failure = new StorageError('NO_SPACE');
    handle(storing('spread', aheadBy(0)));
    await storage.flush();
    assert.deepEqual(replies, [[0, refused]]);
  });

  it('says nothing of a damaged record, least of all that there is none', () => {
    storage.damaged = numberKey(7);
    for (const operation of ['read-value', 'read-version', 'query-version'] as const) {
      handle({ operation, key: numberKey(7) }, { operation, key: numberKey(8) });
      assert.deepEqual(replies.splice(0), [
        [0, { outcome: 'refused', reason: 'damaged' }],
        [1, { ...answered(aheadBy(0)), version: undefined }],
      ]);
    }
    const list = (token: number) =>
      handle({ operation: 'list', key: numberKey(0), tokens: TokenSet.of([token]).toBytes() });
    list(7);
    list(8);
    assert.deepEqual(replies, [
      [0, { outcome: 'listed', keys: [], damaged: [numberKey(7)], next: undefined }],
      [0, { outcome: 'listed', keys: [], damaged: [], next: undefined }],
    ]);
  });

  it('takes no hint while it rebuilds and does not know the floors of the others', async () => {
    replica.setStanding({ servesReads: false });
    isFloorKnown = false;
    handle(storing('spread', aheadBy(0), 1), storing('store', aheadBy(0), 2));
    await storage.flush();
    assert.deepEqual(replies, [
      [0, { outcome: 'refused', reason: 'rebuilding' }],
      [1, answered(aheadBy(0))],
    ]);
  });

  describe('with a floor', () => {
    const floor = () => ({ clock: aheadBy(-10_000).clock, node: '!' });
    const hold = async (key: number, record: VersionedValue) => {
      const stored = storage.applyBatch([{ key: numberKey(key), record }]);
      await storage.flush();
      await stored;
    };
    const ask = (key: number) => {
      for (const operation of ['read-value', 'read-version', 'query-version'] as const) {
        handle({ operation, key: numberKey(key) });
      }
      return replies.splice(0).map(([, reply]) => reply);
    };
    const belowFloor = { outcome: 'refused', reason: 'below-floor' };
    const below = () => aheadBy(-10_001);
    const above = () => aheadBy(-9_999);

    beforeEach(async () => {
      await time.settle(floors.seal([7], () => floor().clock));
      await time.settle(floors.raise([7], () => floor().clock));
    });

    it('answers an absent key with the floor of its token, and only of its token', () => {
      assert.deepEqual(ask(7), [answered(floor()), answered(floor()), answered(floor())]);
      const nothing = { ...answered(floor()), version: undefined };
      assert.deepEqual(ask(8), [nothing, nothing, nothing]);
    });

    it('answers a tombstone below it as if it were gone, and names it to nobody', async () => {
      await hold(7, { version: below(), value: undefined });
      assert.deepEqual(ask(7), [answered(floor()), answered(floor()), answered(floor())]);
      handle({ operation: 'list', key: numberKey(0), tokens: TokenSet.of([7]).toBytes() });
      assert.deepEqual(replies, [
        [0, { outcome: 'listed', keys: [], damaged: [], next: Uint8Array.of(7, 0) }],
      ]);
    });

    it('answers a tombstone above it, and a value below it, as they are', async () => {
      await hold(7, { version: above(), value: undefined });
      const tombstone = { version: above(), value: undefined };
      const answer = answered(above());
      assert.deepEqual(ask(7), [{ ...answer, record: tombstone }, answer, answer]);
      const other = Uint8Array.of(7, 7);
      const stored = storage.applyBatch([{ key: other, record: textRecord(below()) }]);
      await storage.flush();
      await stored;
      handle({ operation: 'read-value', key: other }, { operation: 'read-version', key: other });
      handle({ operation: 'query-version', key: other });
      assert.deepEqual(
        replies.map(([, reply]) => reply),
        [
          { ...answered(below()), record: textRecord(below()) },
          answered(below()),
          // A greater one is to be chosen, or it would be refused.
          answered(floor()),
        ],
      );
    });

    it('refuses what is older and not held, whoever sends it, and takes what is newer', async () => {
      await hold(7, { version: aheadBy(-20_000), value: undefined });
      handle(storing('store', below()), storing('spread', below()), storing('spread', above()));
      await storage.flush();
      assert.deepEqual(replies, [
        [0, belowFloor],
        [1, belowFloor],
        [2, answered(above())],
      ]);
    });

    it('acknowledges what it holds already, also below it', async () => {
      await hold(7, textRecord(below()));
      handle(storing('spread', below()), storing('spread', aheadBy(-20_000)));
      await storage.flush();
      assert.deepEqual(replies, [
        [0, answered(below())],
        [1, answered(below())],
      ]);
    });

    it('keeps a copy below it only from a source that has agreed on it', async () => {
      const copied = async (isTrusted: boolean) => {
        const kept = replica.keepCopy(numberKey(7), textRecord(below()), isTrusted);
        await storage.flush();
        return [await kept, storage.get(numberKey(7)) !== undefined];
      };
      assert.deepEqual(await copied(false), [true, false]);
      assert.deepEqual(await copied(true), [true, true]);
    });

    it('takes a floor of another replica as its own, if it has sealed it', async () => {
      const floorOf = (ms: number) => ({ clock: aheadBy(ms).clock, node: '!' });
      const spread = async (ms: number) => {
        const record = { version: floorOf(ms), value: undefined };
        handle({ operation: 'spread', key: numberKey(7), record });
        await time.advance(0);
        return replies.pop()?.[1];
      };
      const rebuilding = { outcome: 'refused', reason: 'rebuilding' };
      assert.deepEqual(await spread(-9_000), rebuilding);
      await time.settle(floors.seal([7], () => floorOf(-9_000).clock));
      assert.deepEqual(await spread(-9_000), answered(floorOf(-9_000)));
      assert.equal(floors.floorOf(7), floorOf(-9_000).clock);
      assert.equal(storage.entryCount(), 0);
      await hold(7, textRecord(above()));
      await time.settle(floors.seal([7], () => floorOf(0).clock));
      assert.deepEqual(await spread(0), { outcome: 'refused', reason: 'damaged' });
      assert.notEqual(storage.get(numberKey(7))?.value, undefined);
    });

    it('lets a floor take the place of a value that has expired', async () => {
      const { version, value } = textRecord(below());
      assert.ok(value !== undefined);
      const expireTimeMs = clock.realtimeMs() - 1;
      await hold(7, { version, value: { ...value, expireTimeMs } });
      handle({
        operation: 'spread',
        key: numberKey(7),
        record: { version: floor(), value: undefined },
      });
      await time.advance(0);
      await storage.flush();
      assert.deepEqual(replies, [[0, answered(floor())]]);
      assert.deepEqual(storage.get(numberKey(7)), { version: floor(), value: undefined });
    });

    it('answers as absent what expired longer ago than tombstones are kept', async () => {
      const { version, value } = textRecord(below());
      assert.ok(value !== undefined);
      const expireTimeMs = clock.realtimeMs() - 4_000;
      await hold(7, { version, value: { ...value, expireTimeMs } });
      assert.deepEqual(ask(7)[1], answered(below()));
      const gone = floor();
      clock.skewMs += 1_000;
      assert.deepEqual(ask(7)[1], answered(gone));
    });

    it('notes what is stored below a floor that is to come', async () => {
      watched = aheadBy(-1_000).clock;
      handle(storing('spread', above()), storing('spread', aheadBy(-1_000), 8));
      await storage.flush();
      assert.deepEqual(noted, [7]);
      handle(storing('spread', above()));
      await storage.flush();
      assert.deepEqual(noted, [7], 'what is held already is nothing new');
    });
  });

  it('says where it holds another version than was read, and nothing where it holds the same', async () => {
    const [older, same, newer] = [aheadBy(1), aheadBy(2), aheadBy(3)];
    for (const [key, version] of [
      [1, older],
      [2, same],
      [3, newer],
    ] as const) {
      handle(storing('spread', version, key));
    }
    await storage.flush();
    replies = [];
    const compare = (...compared: readonly (readonly [number, Version | undefined])[]) => {
      const pairs = compared.map(([key, version]) => ({ key: numberKey(key), version }));
      handle({ operation: 'compare', compared: pairs });
      const [[, reply] = []] = replies.splice(0);
      assert.ok(reply?.outcome === 'compared');
      return reply.differences;
    };
    assert.deepEqual(compare([1, same], [2, same], [3, same], [4, same], [5, undefined]), [
      { index: 0, version: older },
      { index: 2, version: newer },
      { index: 3, version: undefined },
    ]);
    assert.deepEqual(compare([2, undefined]), [{ index: 0, version: same }]);
    const notHeld = 100;
    storage.damaged = numberKey(6);
    assert.deepEqual(compare([notHeld, same], [6, same]), []);
    await time.settle(floors.seal([7], () => same.clock));
    await time.settle(floors.raise([7], () => same.clock));
    const floor = { clock: same.clock, node: '!' };
    assert.deepEqual(compare([7, older], [7, floor], [7, undefined]), [
      { index: 0, version: floor },
      { index: 2, version: floor },
    ]);
  });

  it('does not count as behind while the version that was read is on its way to the disk', async () => {
    const [older, newer] = [aheadBy(1), aheadBy(2)];
    handle(storing('spread', older));
    await storage.flush();
    replies = [];
    const request: ReplicaRequest = {
      operation: 'compare',
      compared: [{ key: numberKey(7), version: newer }],
    };
    storage.onTheWay = newer;
    handle(request);
    storage.onTheWay = aheadBy(3);
    handle(request);
    storage.onTheWay = undefined;
    handle(request);
    assert.deepEqual(replies, [
      [0, { outcome: 'compared', differences: [] }],
      [0, { outcome: 'compared', differences: [] }],
      [0, { outcome: 'compared', differences: [{ index: 0, version: older }] }],
    ]);
  });

  it('lists the keys of the tokens asked for, slice by slice, and skips the others', async () => {
    const version = aheadBy(0);
    const keys = [1, 2, 2, 3, 200].map((token, index) => Uint8Array.of(token, index));
    const records = keys.map((key) => ({ key, record: textRecord(version) }));
    const stored = storage.applyBatch(records);
    await storage.flush();
    await stored;
    const tokens = TokenSet.of([2, 200]).toBytes();
    const found: Uint8Array[] = [];
    let key: Uint8Array | undefined = new Uint8Array();
    for (let slices = 0; key !== undefined && slices < 10; slices++) {
      handle({ operation: 'list', key, tokens });
      const [, reply] = replies.pop() ?? [];
      assert.ok(reply?.outcome === 'listed');
      found.push(...reply.keys.map((keyed) => keyed.key));
      key = reply.next;
    }
    assert.equal(key, undefined, 'it ends');
    assert.deepEqual(found.map(formatHex), ['0201', '0202', 'c804']);
  });

  it('hands wishes for a copy on, with their tokens', () => {
    const tokens = TokenSet.of([0, 9, 255]);
    handle({ operation: 'copy', round: 5n, tokens: tokens.toBytes() });
    handle({ operation: 'copy', round: 6n, tokens: tokens.toBytes() });
    assert.deepEqual(
      replies.map(([, reply]) => reply),
      [false, true].map((isDone) => ({ outcome: 'copying', isDone })),
    );
    assert.deepEqual(wishes, [
      [0, 9, 255],
      [0, 9, 255],
    ]);
  });
});
