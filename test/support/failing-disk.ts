import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeText } from '../../src/base/bytes.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { StorageError } from '../../src/storage/storage-error.ts';

/**
 * A process of its own that writes before, while and after calls of the system fail, and prints
 * what became of it. The calls fail while the flag exists, if the right shim is loaded.
 *
 *     node failing-disk.js <directory> <flag>
 */
const [directory = '', flag = ''] = process.argv.slice(2);
const clock = new SystemClock();
const path = join(directory, 'data.mdb');
let unhandled = 0;
process.on('unhandledRejection', () => {
  unhandled += 1;
});

function outcomeOf(thrown: unknown): string {
  return thrown instanceof StorageError ? thrown.code : String(thrown);
}

async function write(tables: LmdbTables, key: string): Promise<string> {
  const bytes = encodeText(key);
  return tables.write([{ table: 'data', key: bytes, value: bytes }]).then(
    () => 'acknowledged',
    (error: unknown) => outcomeOf(error),
  );
}

const tables = new LmdbTables({ clock }, path);
const states: string[] = [];
const settled = new Promise<void>((resolve) => {
  tables.onState((state) => {
    states.push(state);
    if (state !== 'read-only') resolve();
  });
});
const before = await write(tables, 'before');
writeFileSync(flag, '');
const during = await write(tables, 'during');
rmSync(flag);
await settled;
const after = await write(tables, 'after');
await tables.close();
const reopened: string[] = [];
const again = new LmdbTables({ clock }, path);
again.scan('data', new Uint8Array(), ({ key }) => {
  reopened.push(Buffer.from(key).toString());
  return true;
});
await again.close();
process.stdout.write(
  `\n${JSON.stringify({ before, during, after, states, reopened, unhandled })}\n`,
);
