import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { encodeText, formatHex } from '../../src/base/bytes.ts';
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
    assert.throws(() => storage.get(numberKey(7)), { code: 'RECORD_DAMAGED' });
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

  /** Opens a database of 200 keys in which one byte of one key was flipped in the file. */
  async function openFlipped(name: string, flipped: number, place: number, bits: number) {
    const path = join(folder.path, name);
    const first = new LmdbTables({ clock }, path);
    const keys = Array.from({ length: 200 }, (_, number) => encodeText(`key ${1_000 + number}`));
    const record = textRecord(versionAt(1));
    await new DurableStorage(first).applyBatch(keys.map((key) => ({ key, record })));
    await first.close();
    const file = readFileSync(path);
    const key = keys[flipped] ?? assert.fail('no such key');
    for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key, at + 1)) {
      file[at + place] = (file[at + place] ?? 0) ^ bits;
    }
    writeFileSync(path, file);
    const tables = new LmdbTables({ clock }, path);
    return { key, tables, storage: new DurableStorage(tables) };
  }

  /** Walks through everything in slices of three. */
  function walk(storage: DurableStorage): void {
    let start: Uint8Array = new Uint8Array();
    for (let slices = 0; slices <= 200; slices++) {
      const last = storage.range({ start, limit: 3, bytesMax: 2 ** 20 }).at(-1);
      if (last === undefined) return;
      start = Buffer.concat([last.key, Uint8Array.of(0)]);
    }
    assert.fail('the walk goes round');
  }

  it('ends for good when a flipped key has broken the order that searches rely on', async () => {
    for (const [index, flipped] of [8, 32, 64, 96, 160, 184].entries()) {
      const opened = await openFlipped(`order${index}.mdb`, flipped, 6, 0x40);
      const states: string[] = [];
      opened.tables.onState((state, error) => states.push(`${state} ${error?.cause}`));
      assert.throws(() => walk(opened.storage), { code: 'FAILED' });
      assert.match(states.join(), /^failed .*out of order.*--rebuild/);
      const record = textRecord(versionAt(2));
      await assert.rejects(opened.storage.applyBatch([{ key: opened.key, record }]));
      await opened.tables.close();
    }
  });

  it('finds a flipped key that is still in its place', async () => {
    // The last key, and its last digit: 1199 becomes 119= or so, behind all others.
    const { key, tables, storage } = await openFlipped('place.mdb', 199, 7, 0x04);
    walk(storage);
    assert.equal(tables.state, 'open');
    assert.equal(storage.damagedKeys().length, 1);
    assert.notDeepEqual(storage.damagedKeys().map(formatHex), [formatHex(key)]);
    await tables.close();
  });
});
