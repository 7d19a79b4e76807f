import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { compareBytes, encodeText, formatHex } from '../../src/base/bytes.ts';
import { compareVersions, type Version } from '../../src/record/version.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import type { Tables } from '../../src/storage/tables.ts';
import { storageConformance } from '../conformance/storage.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { temporaryFolder } from '../support/processes.ts';
import { SeededRandom } from '../support/simulated-time.ts';

const clock = new SystemClock();
const folder = temporaryFolder();
after(folder.remove);

let opened = 0;

/** A storage whose tables end with it. */
async function open(tables: Tables): Promise<DurableStorage> {
  const storage = new DurableStorage(tables);
  const close = storage.close.bind(storage);
  storage.close = async () => {
    await close();
    await tables.close();
  };
  return storage;
}

storageConformance('DurableStorage in memory', () => open(new MemoryTables({ clock })));
storageConformance('DurableStorage in LMDB', () =>
  open(new LmdbTables({ clock }, join(folder.path, `data${opened++}.mdb`))),
);

describe('DurableStorage in LMDB, opened again', () => {
  it('has all that was acknowledged, and the damage that it knew of', async () => {
    const path = join(folder.path, 'again.mdb');
    const first = new LmdbTables({ clock }, path);
    const storage = new DurableStorage(first);
    const random = new SeededRandom(1);
    const newest = new Map<number, Version>();
    const stores = Array.from({ length: 500 }, async (_, index) => {
      const number = random.below(40);
      const record = textRecord(versionAt(random.below(100)), `value ${index}`);
      const [held] = await storage.applyBatch([{ key: numberKey(number), record }]);
      if (held && compareVersions(held, newest.get(number)) > 0) newest.set(number, held);
    });
    await Promise.all(stores);
    const damaged = first.get('data', numberKey(7)) ?? assert.fail('nothing to damage');
    damaged[damaged.length - 1] = 0;
    first.writeNow([{ table: 'data', key: numberKey(7), value: damaged }]);
    await storage.applyBatch([{ key: numberKey(7), record: textRecord(versionAt(200)) }]);
    await storage.close();
    await first.close();

    const second = new LmdbTables({ clock }, path);
    const again = new DurableStorage(second);
    assert.deepEqual(again.damagedKeys().map(formatHex), ['07']);
    for (const [number, version] of newest) {
      if (number === 7) assert.throws(() => again.get(numberKey(7)), { code: 'RECORD_DAMAGED' });
      else assert.deepEqual(again.get(numberKey(number))?.version, version);
    }
    await again.heal(numberKey(7), textRecord(versionAt(150)));
    assert.deepEqual(again.versionOf(numberKey(7)), versionAt(200));
    assert.equal(again.entryCount(), newest.size);
    await second.close();
  });

  it('walks to an end and raises the alarm when a byte of a key was flipped in the file', async () => {
    for (const [index, flipped] of [8, 32, 64, 96, 160, 184].entries()) {
      const path = join(folder.path, `flipped${index}.mdb`);
      const first = new LmdbTables({ clock }, path);
      const keys = Array.from({ length: 200 }, (_, number) => encodeText(`key ${1_000 + number}`));
      const record = textRecord(versionAt(1));
      await new DurableStorage(first).applyBatch(keys.map((key) => ({ key, record })));
      await first.close();
      const file = readFileSync(path);
      const key = keys[flipped] ?? assert.fail('no such key');
      for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key, at + 1)) {
        file[at + key.length - 2] = (file[at + key.length - 2] ?? 0) ^ 0x40;
      }
      writeFileSync(path, file);

      const second = new LmdbTables({ clock }, path);
      const storage = new DurableStorage(second);
      let start: Uint8Array = new Uint8Array();
      let slices = 0;
      for (;;) {
        const last = storage.range({ start, limit: 3, bytesMax: 2 ** 20 }).at(-1);
        if (last === undefined) break;
        slices += 1;
        assert.ok(slices <= keys.length, 'the walk goes round');
        assert.ok(compareBytes(last.key, start) >= 0, 'the walk goes back');
        start = Buffer.concat([last.key, Uint8Array.of(0)]);
      }
      assert.equal(storage.damagedKeys().length, 1);
      assert.notDeepEqual(storage.damagedKeys().map(formatHex), [formatHex(key)]);
      await second.close();
    }
  });
});
