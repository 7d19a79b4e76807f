import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { formatHex } from '../../src/base/bytes.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];
const key = numberKey(1);
const all = { start: new Uint8Array(), limit: 1_000, bytesMax: 2 ** 40 };
const damaged = { code: 'RECORD_DAMAGED' };

describe('a damaged record', () => {
  let time: SimulatedTime;
  let disk: PowerCutTables;
  let storage: DurableStorage;
  let alarms: string[];

  function reopen(): void {
    storage = new DurableStorage(disk.tables);
    alarms = [];
    storage.onDamage((found) => alarms.push(formatHex(found)));
  }

  beforeEach(async () => {
    time = new SimulatedTime();
    disk = new PowerCutTables(new SimulatedHost(time));
    reopen();
    await put(textRecord(v2, 'two'));
    await put(textRecord(v1), numberKey(2));
    // The versions that the first storage remembers are gone with it.
    reopen();
    flip(key);
  });

  const put = (record: VersionedValue, at = key) =>
    time.settle(storage.applyBatch([{ key: at, record }]));
  const heal = (newest: VersionedValue | undefined) => time.settle(storage.heal(key, newest));

  /** Flips a bit of a record where the storage does not see it. */
  function flip(at: Uint8Array, place = -1): void {
    const bytes = disk.tables.get('data', at) ?? assert.fail('nothing to flip');
    const index = (place + bytes.length) % bytes.length;
    bytes[index] = (bytes[index] ?? 0) ^ 4;
    disk.tables.writeNow([{ table: 'data', key: at, value: bytes }]);
  }

  it('is also one that was only marked, over a restart too, until it is healed', async () => {
    await heal(textRecord(v2, 'two'));
    await time.settle(storage.markDamaged([key]));
    assertDamaged();
    reopen();
    assert.throws(() => storage.get(key), damaged);
    await heal(textRecord(v3, 'three'));
    assertHolds(textRecord(v3, 'three'));
  });

  function assertDamaged(): void {
    assert.throws(() => storage.get(key), damaged);
    assert.throws(() => storage.versionOf(key), damaged);
    assert.deepEqual(
      storage.range(all).map((found) => found.key[0]),
      [2],
    );
    assert.deepEqual(storage.damagedKeys().map(formatHex), ['01']);
    assert.deepEqual(alarms, ['01']);
  }

  function assertHolds(record: VersionedValue | undefined): void {
    assert.deepEqual(storage.versionOf(key), record?.version);
    assert.deepEqual(storage.get(key)?.version, record?.version);
    assert.equal(storage.range(all).length, record === undefined ? 1 : 2);
    assert.deepEqual(storage.damagedKeys(), []);
    assert.equal(disk.tables.count('damaged'), 0);
  }

  it('gives no answer, and one alarm', () => {
    assertDamaged();
    assertDamaged();
    assert.equal(storage.entryCount(), 2);
    assert.deepEqual(storage.versionOf(numberKey(2)), v1);
  });

  it('leaves no clock to name for all keys until it is healed', async () => {
    assert.ok((storage.newestClock() ?? 0n) >= v1.clock);
    assertDamaged();
    assert.equal(storage.newestClock(), undefined);
    await heal(textRecord(v2));
    assert.ok((storage.newestClock() ?? 0n) >= v2.clock);
  });

  it('is found by a version query, a walk and a store as well', async () => {
    assert.throws(() => storage.versionOf(key), damaged);
    assert.deepEqual(alarms, ['01']);
    reopen();
    storage.range(all);
    assert.deepEqual(alarms, ['01']);
    reopen();
    await put(textRecord(v3));
    assert.deepEqual(alarms, ['01']);
  });

  it('does no harm under a newer store if its version was still known', async () => {
    await heal(textRecord(v2, 'two'));
    await put(textRecord(v2, 'two'));
    flip(key);
    assert.deepEqual(storage.newestVersionOf(key), v2);
    assert.deepEqual(await put(textRecord(v3)), [v3]);
    assertHolds(textRecord(v3));
    assert.deepEqual(alarms, []);
  });

  it('is no "already newer" for a record whose version was still known', async () => {
    await heal(textRecord(v2, 'two'));
    await put(textRecord(v2, 'two'));
    disk.tables.writeNow([{ table: 'data', key, value: undefined }]);
    assert.deepEqual(await put(textRecord(v2, 'two')), [v2]);
    assertHolds(textRecord(v2));
  });

  it('does not end a slice early, however much of it is damaged', async () => {
    for (let number = 10; number < 20; number++) await put(textRecord(v1), numberKey(number));
    for (let number = 10; number < 19; number++) flip(numberKey(number));
    const slice = storage.range({ start: numberKey(9), limit: 1, bytesMax: 1 });
    assert.deepEqual(
      slice.map((found) => found.key[0]),
      [19],
    );
    assert.equal(alarms.length, 9);
  });

  it('keeps and acknowledges a store, and still gives no answer, also after a restart', async () => {
    assert.deepEqual(await put(textRecord(v3)), [v3]);
    assertDamaged();
    disk.cut();
    reopen();
    assert.deepEqual(storage.damagedKeys().map(formatHex), ['01']);
    assert.throws(() => storage.get(key), damaged);
    assert.deepEqual(await put(textRecord(v1)), [v3]);
  });

  it('does not cover damage without its mark when the power is cut', async () => {
    for (const isFlushingKept of [true, false]) {
      storage.applyBatch([{ key, record: textRecord(v3) }]).catch(() => assert.fail('cut'));
      await time.advance(0);
      disk.cut(isFlushingKept);
      reopen();
      assert.throws(() => storage.versionOf(key), damaged);
    }
  });

  it('ends with the newest of the others', async () => {
    assertDamaged();
    await heal(textRecord(v3, 'three'));
    assertHolds(textRecord(v3));
    assert.equal(Buffer.from(storage.get(key)?.value?.bytes ?? []).toString(), 'three');
  });

  it('ends with an older one too: nobody knows what it was', async () => {
    await heal(textRecord(v1));
    assertHolds(textRecord(v1));
  });

  it('goes if no other has one', async () => {
    await heal(undefined);
    assertHolds(undefined);
    assert.equal(storage.entryCount(), 1);
  });

  it('does not lower a newer good record that came meanwhile', async () => {
    await put(textRecord(v3, 'three'));
    await heal(textRecord(v2, 'two'));
    assertHolds(textRecord(v3));
    reopen();
    assertHolds(textRecord(v3));
  });

  it('keeps a good record that came meanwhile if no other has one', async () => {
    await put(textRecord(v3));
    await heal(undefined);
    assertHolds(textRecord(v3));
  });

  it('does not lower a newer store that is in flight', async () => {
    const store = storage.applyBatch([{ key, record: textRecord(v3) }]);
    const healed = storage.heal(key, textRecord(v2));
    await time.settle(Promise.all([store, healed]));
    assertHolds(textRecord(v3));
  });

  it('stays when there is no space to heal it, and is healed when there is', async () => {
    disk.isFull = true;
    const store = storage.applyBatch([{ key, record: textRecord(v3) }]);
    const healed = storage.heal(key, textRecord(v2));
    const [first, second] = await time.settle(Promise.allSettled([store, healed]));
    assert.deepEqual([first.status, second.status], ['rejected', 'rejected']);
    assertDamaged();
    disk.isFull = false;
    await time.advance(1_100);
    await heal(textRecord(v2));
    assertHolds(textRecord(v2));
  });

  it('stays when healing it does not reach the disk', async () => {
    assertDamaged();
    storage.heal(key, textRecord(v3)).catch(() => assert.fail('cut'));
    await time.advance(0);
    assertDamaged();
    disk.cut();
    reopen();
    assertDamaged();
  });

  it('is not removed as a tombstone', async () => {
    await put({ version: v3, value: undefined });
    await time.settle(storage.remove([{ key, version: v3 }]));
    assertDamaged();
    await heal(undefined);
    await time.settle(storage.remove([{ key, version: v3 }]));
    assertHolds(undefined);
  });

  it('is found in each of 200 records with a flipped bit', async () => {
    const random = new SeededRandom(7);
    const keys = Array.from({ length: 200 }, (_, index) => Uint8Array.of(3, index));
    for (const each of keys) await put(textRecord(v1, 'x'.repeat(random.below(30))), each);
    for (const each of keys) flip(each, random.below(30));
    assert.equal(storage.range({ ...all, start: numberKey(3) }).length, 0);
    assert.equal(alarms.length, 200);
    for (const each of keys) assert.throws(() => storage.get(each), damaged);
    for (const each of keys) await time.settle(storage.heal(each, textRecord(v1)));
    assert.equal(storage.range({ ...all, start: numberKey(3) }).length, 200);
  });
});
