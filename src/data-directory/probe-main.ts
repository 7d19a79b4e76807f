/**
 * The child process that looks at the data of a node before the node opens it, because LMDB ends
 * the process when it meets certain damage. First the structure of the file, which can say what is
 * wrong; then LMDB itself, read-only, at the first and last records of every table. It prints one
 * line of JSON, a Finding of probe.ts, and ends; how it ends says the rest.
 *
 *     node probe-main.js <file of the database>
 */
import { type Database, open } from 'lmdb';
import { SystemClock } from '../runtime/system-clock.ts';
import { tableNames } from '../storage/tables.ts';
import { decodeIdentity, type Identity, metaKeys } from './identity.ts';
import { lookAtLmdbFile } from './lmdb-file.ts';
import type { Finding } from './probe.ts';

/** Some 0.3 s where the file is in memory; the clock ends it on slow disks. */
const leavesMax = 16_384;
const lookMsMax = 800;
const recordsAtEachEnd = 64;

const [path = ''] = process.argv.slice(2);
const clock = new SystemClock();
const endMs = clock.monotonicMs() + lookMsMax;
const isOver = () => clock.monotonicMs() > endMs;
const { fault } = lookAtLmdbFile(path, { leavesMax, isOver });
const finding: Finding = fault === undefined ? { identity: await readWithLmdb() } : { fault };
process.stdout.write(`${JSON.stringify(finding)}\n`);

async function readWithLmdb(): Promise<Identity | undefined> {
  const encodings = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const environment = open<Buffer, Uint8Array>({ path, ...encodings, readOnly: true });
  const tables = tableNames.flatMap((name) => {
    // A database of somebody else need not have it.
    const table: Database<Buffer, Uint8Array> | undefined = environment.openDB({
      name,
      ...encodings,
    });
    return table === undefined ? [] : [{ name, table }];
  });
  for (const { table } of tables) {
    for (const reverse of [false, true]) {
      for (const { value } of table.getRange({ reverse, limit: recordsAtEachEnd })) value.at(-1);
    }
  }
  const meta = tables.find(({ name }) => name === 'meta')?.table;
  const bytes = meta?.get(metaKeys.identity);
  await environment.close();
  return bytes === undefined ? undefined : decodeIdentity(bytes);
}
