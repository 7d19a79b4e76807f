import { statfsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { assert } from '../base/assert.ts';
import { asBuffer, compareBytes, encodeText } from '../base/bytes.ts';
import type { Clock } from '../runtime/clock.ts';
import { GroupCommit } from './group-commit.ts';
import { StorageError } from './storage-error.ts';
import {
  type Change,
  checkChanges,
  collectRange,
  type Entry,
  type RangeSlice,
  type StateListener,
  type TableName,
  type Tables,
  type TablesState,
  tableNames,
} from './tables.ts';

/**
 * Tables in one LMDB database, a copy-on-write B+tree in a memory map: a commit writes new pages,
 * flushes, and only then lets readers see them. This is the only place that knows lmdb.
 *
 * Every write is one transaction of {@link GroupCommit}. `overlappingSync` is off, since with it
 * readers see what is not flushed; `noSync`, `mapAsync` and `useWritemap` would lose what was
 * acknowledged. LMDB has no checksums: what is stored here carries its own.
 */
export class LmdbTables implements Tables {
  readonly #root: RootDatabase<Uint8Array, Buffer>;
  readonly #tables: ReadonlyMap<TableName, Database<Uint8Array, Buffer>>;
  readonly #commits: GroupCommit;
  readonly #directory: string;
  readonly #copies = new Set<Promise<void>>();

  /**
   * Opens the database in a file, and makes it where there is none. A damaged file may end the
   * process here or in a later read: look at it first.
   *
   * @param path of the file; lmdb puts another with the ending `-lock` beside it.
   */
  constructor(components: { readonly clock: Clock }, path: string) {
    this.#directory = dirname(path);
    this.#root = open({ path, ...options, maxDbs: tableNames.length });
    this.#tables = new Map(
      tableNames.map((name) => [name, this.#root.openDB({ name, ...encodings })] as const),
    );
    this.#commits = new GroupCommit(components, {
      commit: (changes) => this.#commit(changes),
      probe: () => this.#probe(),
    });
  }

  get state(): TablesState {
    return this.#commits.state;
  }

  onState(listener: StateListener): void {
    this.#commits.onState(listener);
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#table(table).getBinary(asBuffer(key));
    } catch (thrown: unknown) {
      throw this.#readFailed(thrown);
    }
  }

  view(table: TableName, key: Uint8Array): Uint8Array | undefined {
    try {
      const bytes = this.#table(table).getBinaryFast(asBuffer(key));
      // Its own length property tells the size; the memory behind it is larger.
      return bytes?.subarray(0, bytes.length);
    } catch (thrown: unknown) {
      throw this.#readFailed(thrown);
    }
  }

  range(table: TableName, slice: RangeSlice): readonly Entry[] {
    return collectRange(this, table, slice);
  }

  scan(table: TableName, start: Uint8Array, visit: (entry: Entry) => boolean): void {
    const from = start.length === 0 ? {} : { start: asBuffer(start) };
    let least = start;
    let isFirst = true;
    try {
      for (const entry of this.#table(table).getRange(from)) {
        const order = compareBytes(entry.key, least);
        if (order < 0 || (order === 0 && !isFirst)) throw this.#commits.fail(astray());
        isFirst = false;
        least = entry.key;
        if (!visit(entry)) return;
      }
    } catch (thrown: unknown) {
      throw this.#readFailed(thrown);
    }
  }

  count(table: TableName): number {
    try {
      const stats: { readonly entryCount?: number } = this.#table(table).getStats();
      return stats.entryCount ?? 0;
    } catch (thrown: unknown) {
      throw this.#readFailed(thrown);
    }
  }

  write(changes: readonly Change[], onBegin?: () => void): Promise<void> {
    checkChanges(changes);
    return this.#commits.write(changes, onBegin);
  }

  writeNow(changes: readonly Change[]): void {
    checkChanges(changes);
    this.#commits.check();
    try {
      this.#commitNow(changes);
    } catch (thrown: unknown) {
      throw this.#commits.fail(thrown);
    }
  }

  /**
   * Copies all that is durable now to a new file, while reads and writes go on. It is consistent,
   * named tables included, and as large as this one: free pages are copied as they are. What is
   * overwritten meanwhile takes new pages, so this file may grow.
   *
   * @throws Error if the file is there, or cannot be written.
   */
  async copyTo(path: string): Promise<void> {
    const copy = this.#root.backup(path, false);
    this.#copies.add(copy);
    try {
      await copy;
    } finally {
      this.#copies.delete(copy);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#copies);
    await this.#commits.close();
    await this.#root.close();
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    try {
      await this.#root.batch(() => this.#apply(changes));
    } catch (thrown: unknown) {
      throw this.#narrow(await causeOf(thrown));
    }
  }

  #commitNow(changes: readonly Change[]): void {
    try {
      this.#root.transactionSync(() => this.#apply(changes));
    } catch (thrown: unknown) {
      throw this.#narrow(thrown);
    }
  }

  /**
   * Much more than the pages that LMDB has free, which take small writes also on a full disk.
   * Synchronous, since after a failed write of its meta page LMDB's thread would never answer.
   */
  async #probe(): Promise<void> {
    this.#commitNow([{ table: 'meta', key: probeKey, value: new Uint8Array(probeBytes) }]);
    this.#commitNow([{ table: 'meta', key: probeKey, value: undefined }]);
  }

  #apply(changes: readonly Change[]): void {
    // Inside a transaction these are steps of it; its own promise or error stands for them all.
    for (const { table, key, value } of changes) {
      if (value === undefined) void this.#table(table).remove(asBuffer(key));
      else void this.#table(table).put(asBuffer(key), value);
    }
  }

  /** An error of LMDB ends the tables, as after a failed write of its meta page; not a visitor's. */
  #readFailed(thrown: unknown): unknown {
    return typeof codeOf(thrown) === 'number' ? this.#commits.fail(thrown) : thrown;
  }

  #table(name: TableName): Database<Uint8Array, Buffer> {
    const table = this.#tables.get(name);
    assert(table !== undefined, 'every table is open');
    return table;
  }

  /**
   * LMDB says EIO also when a write was cut short, which is what a full disk does first; nothing
   * is flushed then. So EIO with no space left is a full disk, any other EIO a failed one.
   */
  #narrow(cause: unknown): unknown {
    const code = codeOf(cause);
    const isFull =
      code === constants.errno.ENOSPC ||
      code === constants.errno.EDQUOT ||
      (code === constants.errno.EIO && this.#spaceBytes() < spaceBytesMin);
    return isFull ? new StorageError('NO_SPACE', { cause }) : cause;
  }

  #spaceBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }
}

/** LMDB's own codes are negative numbers, those of the system positive. */
function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

/** What lmdb hides behind a rejected transaction: a promise that rejects with the cause. */
async function causeOf(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error) || !('commitError' in thrown)) return thrown;
  try {
    await thrown.commitError;
  } catch (cause: unknown) {
    return cause;
  }
  return thrown;
}

const encodings = { encoding: 'binary', keyEncoding: 'binary' } as const;
/**
 * `eventTurnBatching` makes a promise that nobody holds, and that ends the process when a commit
 * fails; `overlappingSync` shows readers what is not flushed.
 */
const options = { ...encodings, noSubdir: true, overlappingSync: false, eventTurnBatching: false };

const probeKey = encodeText('probe');
const probeBytes = 256 * 1024;
const spaceBytesMin = 1024 * 1024;

/** A search by such keys misses good ones, so nothing that the file says counts any more. */
function astray(): Error {
  return new Error(
    'the keys of the data file are out of order, so it is damaged: start this node with --rebuild',
  );
}
