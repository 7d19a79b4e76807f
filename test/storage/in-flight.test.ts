import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeText } from '../../src/base/bytes.ts';
import { clockAtMs, compareVersions, type Version } from '../../src/record/version.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import type { Change } from '../../src/storage/tables.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import {
  SeededRandom,
  SimulatedHost,
  SimulatedTime,
  settlePromises,
} from '../support/simulated-time.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];
const key = numberKey(1);
const all = { start: new Uint8Array(), limit: 100, bytesMax: 2 ** 40 };

/** What has become of a promise, without waiting for it. */
async function outcomeOf(promise: Promise<unknown>): Promise<'pending' | 'settled' | 'rejected'> {
  let outcome: 'pending' | 'settled' | 'rejected' = 'pending';
  promise.then(
    () => {
      outcome = 'settled';
    },
    () => {
      outcome = 'rejected';
    },
  );
  await settlePromises();
  return outcome;
}

describe('DurableStorage with records in flight', () => {
  let time: SimulatedTime;
  let disk: PowerCutTables;
  let storage: DurableStorage;

  beforeEach(() => {
    time = new SimulatedTime();
    disk = new PowerCutTables(new SimulatedHost(time), () => 10);
    storage = new DurableStorage(disk.tables);
  });

  const put = (record: VersionedValue) => storage.applyBatch([{ key, record }]);

  it('shows nothing of a record before its flush', async () => {
    await time.settle(put(textRecord(v1)));
    const stored = put(textRecord(v2));
    await time.advance(9);
    assert.deepEqual(storage.versionOf(key), v1);
    assert.deepEqual(storage.newestVersionOf(key), v2);
    assert.deepEqual(storage.get(key)?.version, v1);
    assert.deepEqual(storage.range(all)[0]?.record.version, v1);
    assert.equal(await outcomeOf(stored), 'pending');
    await time.settle(stored);
    assert.deepEqual(storage.versionOf(key), v2);
  });

  it('says "already newer" only after the flush of the newer one', async () => {
    const newer = put(textRecord(v2));
    await time.advance(5);
    const older = put(textRecord(v1));
    const same = put(textRecord(v2));
    await time.advance(4);
    assert.equal(await outcomeOf(older), 'pending');
    assert.equal(await outcomeOf(same), 'pending');
    await time.advance(1);
    assert.deepEqual(await Promise.all([newer, older, same]), [[v2], [v2], [v2]]);
    assert.equal(disk.flushes, 1);
  });

  it('says "already newer" at once of what is durable', async () => {
    await time.settle(put(textRecord(v2)));
    assert.equal(await outcomeOf(put(textRecord(v1))), 'settled');
  });

  it('fails what waits for a newer one that fails', async () => {
    disk.failFlush(1);
    const stores = Promise.allSettled([put(textRecord(v2)), put(textRecord(v1))]);
    for (const { status } of await time.settle(stores)) assert.equal(status, 'rejected');
    assert.equal(storage.versionOf(key), undefined);
  });

  it('compares with the durable one again after a newer one has failed', async () => {
    disk.isFull = true;
    await assert.rejects(time.settle(put(textRecord(v3))), { code: 'NO_SPACE' });
    disk.isFull = false;
    await time.advance(1_100);
    assert.deepEqual(await time.settle(put(textRecord(v1))), [v1]);
    assert.deepEqual(storage.versionOf(key), v1);
  });

  it('does not lower a version that an older flush would end after', async () => {
    const stores = [put(textRecord(v2))];
    await time.advance(5);
    stores.push(put(textRecord(v3)), put(textRecord(v1)));
    assert.deepEqual(await time.settle(Promise.all(stores)), [[v2], [v3], [v3]]);
    assert.deepEqual(storage.versionOf(key), v3);
  });

  it('writes the newest of the records of a key that wait for one transaction, and only that', async () => {
    const written: (readonly Change[])[] = [];
    const flush = async (changes: readonly Change[]) => {
      written.push(changes.filter(({ table }) => table === 'data'));
      await new Promise<void>((resolve) => new SimulatedHost(time).schedule(10, resolve));
    };
    const tables = new MemoryTables({ clock: new SimulatedHost(time) }, { flush });
    storage = new DurableStorage(tables);
    const others = [numberKey(2), numberKey(3)].map((other) => ({
      key: other,
      record: textRecord(v1),
    }));
    const first = [put(textRecord(v1)), storage.applyBatch(others), put(textRecord(v3, 'newest'))];
    await time.advance(5);
    const second = [
      put(textRecord(v2)),
      put(textRecord(versionAt(4))),
      put(textRecord(versionAt(5))),
    ];
    assert.deepEqual(await time.settle(Promise.all(first)), [[v1], [v1, v1], [v3]]);
    assert.equal(Buffer.from(storage.get(key)?.value?.bytes ?? []).toString(), 'newest');
    assert.deepEqual(await time.settle(Promise.all(second)), [
      [v3],
      [versionAt(4)],
      [versionAt(5)],
    ]);
    assert.deepEqual(storage.versionOf(key), versionAt(5));
    assert.deepEqual(
      written.map((changes) => changes.length),
      [3, 1],
    );
  });

  it('names no newer clock than it must, and after a power cut none that is less', async () => {
    const far = versionAt(1_000);
    for (const version of [v1, v2, far]) await time.settle(put(textRecord(version)));
    assert.equal(storage.newestClock(), far.clock);
    for (const [late, isKept] of [
      [versionAt(1_400), false],
      [versionAt(9_000), true],
    ] as const) {
      void put(textRecord(late));
      await time.advance(5);
      assert.equal(storage.newestClock(), late.clock);
      disk.cut(isKept);
      storage = new DurableStorage(disk.tables);
      const newest = storage.newestClock() ?? 0n;
      const held = (isKept ? late : far).clock;
      assert.ok(newest >= held && newest <= held + clockAtMs(500), `${newest} for ${held}`);
    }
  });

  it('writes its newest clock again where a full disk did not take it', async () => {
    const far = versionAt(10_000);
    await time.settle(put(textRecord(far)));
    disk.isFull = true;
    await assert.rejects(time.settle(put(textRecord(versionAt(10_001)))), { code: 'NO_SPACE' });
    disk.isFull = false;
    await time.advance(1_100);
    // An old hint of another key takes the mark along, and does not lower it.
    await time.settle(storage.applyBatch([{ key: numberKey(2), record: textRecord(v1) }]));
    disk.cut();
    storage = new DurableStorage(disk.tables);
    assert.ok((storage.newestClock() ?? 0n) >= far.clock);
  });

  it('acknowledges nothing in the place of a store that went nowhere', async () => {
    const [first, second] = [numberKey(1), numberKey(2)];
    const tables = disk.tables;
    const view = tables.view.bind(tables);
    tables.view = (table, wanted) => {
      if (wanted[0] === second[0]) throw new Error('EIO');
      return view(table, wanted);
    };
    const batch = [first, second].map((each) => ({ key: each, record: textRecord(v1) }));
    await assert.rejects(storage.applyBatch(batch), /EIO/);
    assert.deepEqual(await time.settle(put(textRecord(v2))), [v2]);
    disk.cut();
    storage = new DurableStorage(disk.tables);
    assert.deepEqual(storage.versionOf(key), v2);
  });

  it('names no newest clock beside records of which nobody noted it, also after more of them', async () => {
    await time.settle(put(textRecord(v1)));
    for (const value of [undefined, Uint8Array.of(1)]) {
      disk.tables.writeNow([{ table: 'meta', key: encodeText('newest clock'), value }]);
      for (const version of [v2, v3]) {
        storage = new DurableStorage(disk.tables);
        assert.equal(storage.newestClock(), undefined);
        await time.settle(put(textRecord(version)));
      }
    }
  });

  it('waits in close for what is under way', async () => {
    const stored = put(textRecord(v1));
    const closed = storage.close();
    await time.advance(5);
    assert.equal(await outcomeOf(closed), 'pending');
    await time.advance(5);
    assert.equal(await outcomeOf(closed), 'settled');
    await stored;
  });

  it('holds after a power cut all that it acknowledged or showed before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = new SeededRandom(seed);
        time = new SimulatedTime();
        disk = new PowerCutTables(new SimulatedHost(time), () => random.below(4));
        storage = new DurableStorage(disk.tables);
        const promised = new Map<number, Version>();
        const promise = (number: number, version: Version | undefined) => {
          const before = promised.get(number);
          if (version && compareVersions(version, before) > 0) promised.set(number, version);
        };
        for (let step = 0; step < 60; step++) {
          const number = random.below(3);
          const record = textRecord(versionAt(random.below(50)));
          const current = storage;
          if (random.fraction() < 0.6) {
            current.applyBatch([{ key: numberKey(number), record }]).then(
              ([held]) => promise(number, held),
              () => assert.fail('no disk fails here'),
            );
          } else promise(number, current.versionOf(numberKey(number)));
          if (random.fraction() < 0.5) await time.advance(random.below(3));
          if (random.fraction() > 0.1) continue;
          disk.cut(random.fraction() < 0.5);
          storage = new DurableStorage(disk.tables);
          for (const [lost, version] of promised) {
            const held = storage.versionOf(numberKey(lost));
            assert.ok(compareVersions(held, version) >= 0, `key ${lost} went back`);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
