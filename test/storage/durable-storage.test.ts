import { join } from 'node:path';
import { after } from 'node:test';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import type { Tables } from '../../src/storage/tables.ts';
import { storageConformance } from '../conformance/storage.ts';
import { temporaryFolder } from '../support/processes.ts';

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
