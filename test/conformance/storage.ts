import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { compareBytes, encodeText, formatHex } from '../../src/base/bytes.ts';
import { compareVersions, formatVersion } from '../../src/record/version.ts';
import { recordBytes, type VersionedValue } from '../../src/record/versioned-value.ts';
import type { KeyedRecord, Storage } from '../../src/storage/storage.ts';
import {
  arbitraryKey,
  arbitraryRecord,
  numberKey,
  textRecord,
  versionAt,
} from '../record/samples.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];
const all = { start: new Uint8Array(), limit: Number.MAX_SAFE_INTEGER, bytesMax: 2 ** 40 };

/** What every Storage promises. `open` gives an empty one each time; the suite closes it. */
export function storageConformance(name: string, open: () => Promise<Storage>): void {
  describe(`${name} as a Storage`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await open();
    });

    afterEach(() => storage.close());

    const put = (key: Uint8Array, record: VersionedValue) => storage.applyBatch([{ key, record }]);

    it('holds nothing of a key that was never written', () => {
      assert.equal(storage.get(numberKey(7)), undefined);
      assert.equal(storage.versionOf(numberKey(7)), undefined);
      assert.equal(storage.newestVersionOf(numberKey(7)), undefined);
      assert.deepEqual(storage.range(all), []);
      assert.equal(storage.entryCount(), 0);
    });

    it('shows a batch in the turn in which it settles', async () => {
      const seen = storage
        .applyBatch([
          { key: numberKey(1), record: textRecord(v1, 'one') },
          { key: numberKey(2), record: textRecord(v2, 'two') },
        ])
        .then(() => ({
          record: storage.get(numberKey(1)),
          version: storage.versionOf(numberKey(2)),
        }));
      const { record, version } = await seen;
      assert.deepEqual(plain(record), plain(textRecord(v1, 'one')));
      assert.deepEqual(version, v2);
    });

    it('never lowers a version, and says what each key holds now', async () => {
      await put(numberKey(1), textRecord(v2, 'two'));
      const held = await storage.applyBatch([
        { key: numberKey(1), record: textRecord(v1, 'one') },
        { key: numberKey(2), record: textRecord(v1, 'one') },
      ]);
      assert.deepEqual(held, [v2, v1]);
      assert.deepEqual(storage.newestVersionOf(numberKey(1)), v2);
      assert.deepEqual(plain(storage.get(numberKey(1))), plain(textRecord(v2, 'two')));
    });

    it('knows a clock that no version of any key is newer than, on its way or gone', async () => {
      assert.equal(storage.newestClock(), 0n);
      const stored = put(numberKey(1), textRecord(v3));
      assert.equal(storage.newestClock(), v3.clock);
      await stored;
      await put(numberKey(2), textRecord(v1));
      await storage.remove([{ key: numberKey(1), version: v3 }]);
      assert.equal(storage.newestClock(), v3.clock);
    });

    it('decides by the node where clocks are equal', async () => {
      const [lower, upper] = [versionAt(5, 'a'), versionAt(5, 'b')];
      await put(numberKey(1), textRecord(upper, 'upper'));
      assert.deepEqual(await put(numberKey(1), textRecord(lower, 'lower')), [upper]);
      assert.deepEqual(plain(storage.get(numberKey(1))), plain(textRecord(upper, 'upper')));
    });

    it('keeps the newest of several records of one key in one batch', async () => {
      const key = numberKey(1);
      const records = [textRecord(v2, 'two'), textRecord(v3, 'three'), textRecord(v1, 'one')];
      const held = await storage.applyBatch(records.map((record) => ({ key, record })));
      assert.deepEqual(held.slice(1), [v3, v3]);
      assert.deepEqual(plain(storage.get(key)), plain(textRecord(v3, 'three')));
      assert.equal(storage.entryCount(), 1);
    });

    it('keeps the newest of batches that are under way at once', async () => {
      const key = numberKey(1);
      const batches = [v2, v3, v1].map((version) => put(key, textRecord(version)));
      const held = await Promise.all(batches);
      for (const [version] of held.slice(1)) assert.deepEqual(version, v3);
      assert.deepEqual(storage.versionOf(key), v3);
    });

    it('tells an empty value from a tombstone and both from nothing', async () => {
      const empty = { version: v1, value: { kind: 'text', bytes: new Uint8Array() } } as const;
      await put(numberKey(1), empty);
      await put(numberKey(2), { version: v2, value: undefined });
      assert.deepEqual(plain(storage.get(numberKey(1))), plain(empty));
      assert.deepEqual(plain(storage.get(numberKey(2))), plain({ version: v2, value: undefined }));
      assert.equal(storage.get(numberKey(3)), undefined);
      assert.equal(storage.entryCount(), 2);
      assert.equal(storage.range(all).length, 2);
    });

    it('lets a tombstone replace a value and a newer value replace that', async () => {
      const key = numberKey(1);
      await put(key, textRecord(v1));
      await put(key, { version: v2, value: undefined });
      assert.deepEqual(await put(key, textRecord(v1)), [v2]);
      assert.deepEqual(plain(storage.get(key)), plain({ version: v2, value: undefined }));
      await put(key, textRecord(v3, 'back'));
      assert.deepEqual(plain(storage.get(key)), plain(textRecord(v3, 'back')));
    });

    it('gives back the kind that was written', async () => {
      for (const [index, kind] of (['text', 'bytes', 'json'] as const).entries()) {
        const record = { version: v1, value: { kind, bytes: encodeText('"7"') } };
        await put(numberKey(index), record);
        assert.deepEqual(plain(storage.get(numberKey(index))), plain(record));
      }
    });

    it('gives back the time of expiry, and only where there is one', async () => {
      const [never, once] = [
        textRecord(v1),
        {
          version: v1,
          value: { kind: 'text', bytes: encodeText(''), expireTimeMs: 1_767_225_600_123 },
        } as const,
      ];
      await storage.applyBatch([
        { key: numberKey(1), record: never },
        { key: numberKey(2), record: once },
      ]);
      assert.deepEqual(plain(storage.get(numberKey(1))), plain(never));
      assert.equal(storage.get(numberKey(2))?.value?.expireTimeMs, 1_767_225_600_123);
      assert.deepEqual(storage.range(all).map(plainKeyed), [
        ['01', plain(never)],
        ['02', plain(once)],
      ]);
      await put(numberKey(2), textRecord(v2));
      assert.deepEqual(plain(storage.get(numberKey(2))), plain(textRecord(v2)));
    });

    it('removes a record that holds exactly the version, and no other', async () => {
      const [first, second, none] = [numberKey(1), numberKey(2), numberKey(3)];
      await put(first, { version: v2, value: undefined });
      await put(second, textRecord(v3));
      await storage.remove([
        { key: first, version: v2 },
        { key: second, version: v2 },
        { key: none, version: v2 },
      ]);
      assert.equal(storage.versionOf(first), undefined);
      assert.deepEqual(storage.versionOf(second), v3);
      assert.equal(storage.entryCount(), 1);
      assert.deepEqual(await put(first, textRecord(v1)), [v1]);
    });

    it('removes no record that a newer one is replacing', async () => {
      const key = numberKey(1);
      await put(key, { version: v1, value: undefined });
      const stored = put(key, textRecord(v2));
      await storage.remove([{ key, version: v1 }]);
      await storage.remove([]);
      await stored;
      assert.deepEqual(storage.versionOf(key), v2);
    });

    it('keeps a newer record that is stored while an older one is removed', async () => {
      const key = numberKey(1);
      await put(key, { version: v1, value: undefined });
      const removed = storage.remove([{ key, version: v1 }]);
      await Promise.all([removed, put(key, textRecord(v2))]);
      assert.deepEqual(storage.versionOf(key), v2);
    });

    it('takes a healing record as it takes any other', async () => {
      const key = numberKey(1);
      await storage.heal(key, undefined);
      assert.equal(storage.versionOf(key), undefined);
      await storage.heal(key, textRecord(v2, 'two'));
      await storage.heal(key, textRecord(v1, 'one'));
      await storage.heal(key, undefined);
      assert.deepEqual(plain(storage.get(key)), plain(textRecord(v2, 'two')));
      assert.deepEqual(storage.damagedKeys(), []);
    });

    it('shares no memory with the keys and values it was given', async () => {
      const key = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
      const bytes = Uint8Array.of(9, 3, 4, 9).subarray(1, 3);
      await put(key, { version: v1, value: { kind: 'bytes', bytes } });
      key.fill(0);
      bytes.fill(0);
      assert.deepEqual([...(storage.get(Uint8Array.of(1, 2))?.value?.bytes ?? [])], [3, 4]);
      assert.deepEqual(
        storage.range(all).map((found) => [...found.key]),
        [[1, 2]],
      );
    });

    it('takes keys of 1 to 1,024 bytes and a value of 1 MiB', async () => {
      const longest = new Uint8Array(1_024).fill(255);
      const large = new Uint8Array(1024 * 1024).fill(7);
      const record = { version: v1, value: { kind: 'bytes', bytes: large } } as const;
      await storage.applyBatch([
        { key: longest, record },
        { key: longest.subarray(1), record: textRecord(v2) },
      ]);
      assert.equal(compareBytes(storage.get(longest)?.value?.bytes ?? new Uint8Array(), large), 0);
      assert.deepEqual(storage.versionOf(longest.subarray(1)), v2);
    });

    it('ends a slice after the record that passes its bytes, and never before the first', async () => {
      const record = textRecord(v1, 'x'.repeat(100));
      const keys = [1, 2, 3, 4].map(numberKey);
      await storage.applyBatch(keys.map((key) => ({ key, record })));
      const slice = (bytesMax: number) => storage.range({ ...all, bytesMax }).length;
      const one = recordBytes(numberKey(1), record);
      assert.equal(slice(1), 1);
      assert.equal(slice(one + 1), 2);
      assert.equal(slice(one * 10), 4);
    });

    it('keeps all records in byte order, each key with its newest, as a sorted array does', async () => {
      const writes = fc.array(fc.tuple(arbitraryKey, arbitraryRecord), { maxLength: 40 });
      const slices = fc.tuple(fc.option(arbitraryKey), fc.integer({ min: 1, max: 10 }));
      await fc.assert(
        fc.asyncProperty(writes, slices, async (written, [start, limit]) => {
          const opened = await open();
          const model = new Map<string, KeyedRecord>();
          const batch = written.map(([key, record]) => ({ key, record }));
          await opened.applyBatch(batch.slice(0, 5));
          await opened.applyBatch(batch.slice(5));
          for (const keyed of batch) {
            const current = model.get(formatHex(keyed.key))?.record.version;
            const isNewer = compareVersions(keyed.record.version, current) > 0;
            if (isNewer) model.set(formatHex(keyed.key), keyed);
          }
          const sorted = [...model.values()].sort((left, right) =>
            compareBytes(left.key, right.key),
          );
          assert.deepEqual(opened.range(all).map(plainKeyed), sorted.map(plainKeyed));
          assert.equal(opened.entryCount(), sorted.length);
          const from = start ?? new Uint8Array();
          const expected = sorted.filter(({ key }) => compareBytes(key, from) >= 0).slice(0, limit);
          const found = opened.range({ ...all, start: from, limit });
          assert.deepEqual(found.map(plainKeyed), expected.map(plainKeyed));
          await opened.close();
        }),
        { numRuns: 50 },
      );
    });
  });
}

/** A record without the class of its byte array, which is the storage's own affair. */
function plain(record: VersionedValue | undefined) {
  if (record === undefined) return undefined;
  const { version, value } = record;
  return {
    version: formatVersion(version),
    value: value && [value.kind, formatHex(value.bytes), value.expireTimeMs],
  };
}

function plainKeyed({ key, record }: KeyedRecord) {
  return [formatHex(key), plain(record)];
}
