import { assert } from '../base/assert.ts';
import type { StorageError } from './storage-error.ts';

/**
 * What is durable on one node: named tables, each an ordered map of bytes to bytes, that share one
 * log of transactions. All that we need of an embedded database, and no more, so that a simulator
 * can stand in for the disk.
 *
 * Reads are synchronous and see only what is durable: a write is seen from the moment in which its
 * promise settles, and never before its flush. Keys have 1 to 1,978 bytes.
 *
 * When the disk is full the state is `read-only`: writes are refused at once, a probe looks for
 * space every second. After any other failure of a write it is `failed` for ever, and the process
 * should end: what the disk holds is unknown until it is opened again.
 */
export interface Tables {
  /** The value of a key, which the caller owns. */
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** As {@link get} without a copy: valid until the next call of any method, and not to be changed. */
  view(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** A slice in key order, which the caller owns. Long scans are made of many slices. */
  range(table: TableName, slice: RangeSlice): readonly Entry[];
  /**
   * Visits entries in key order from `start` on, itself included, until the visitor says false.
   * It owns what it is given, and neither writes nor takes long: old pages are kept for it.
   */
  scan(table: TableName, start: Uint8Array, visit: (entry: Entry) => boolean): void;
  /** How many entries a table has, at no cost that grows with them. */
  count(table: TableName): number;
  /**
   * Makes changes durable, all or none. Changes of one turn of the event loop, and those that come
   * while a flush is going on, share one transaction and one flush, in the order of their calls.
   * The bytes may not be changed until the promise has settled.
   *
   * @param onBegin called when that transaction begins: until then a change may get another value.
   * @throws StorageError when they are not durable.
   */
  write(changes: readonly Change[], onBegin?: () => void): Promise<void>;
  /**
   * The same, durable on return: the process stands still meanwhile, so for rare things only. It
   * overtakes writes that are still under way.
   *
   * @throws StorageError when they are not durable.
   */
  writeNow(changes: readonly Change[]): void;
  readonly state: TablesState;
  /** Tells of each new state. After `failed` there is none, and `error.cause` says why. */
  onState(listener: StateListener): void;
  /** Ends the tables after all that was written is durable; nothing may be called after it. */
  close(): Promise<void>;
}

/** The tables there are: records by key, keys found damaged, hints, and what a node knows of itself. */
export const tableNames = ['data', 'damaged', 'hints', 'meta'] as const;

/** One of the tables. */
export type TableName = (typeof tableNames)[number];

/** The longest key of a table. */
const tableKeyBytesMax = 1_978;

/** Whether writes are taken: not while the disk is full, and never again after it failed. */
export type TablesState = 'open' | 'read-only' | 'failed';

/** Learns of a new state, and of the error that led to it. */
export type StateListener = (state: TablesState, error: StorageError | undefined) => void;

/** A key with its value. */
export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A value for a key, or its removal where `value` is `undefined`. */
export interface Change {
  readonly table: TableName;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** A part of the key order. */
export interface RangeSlice {
  /** The first key, itself included; the very first when empty. */
  readonly start: Uint8Array;
  /** How many entries at most. */
  readonly limit: number;
  /** The slice ends after the entry with which its keys and values pass this many bytes. */
  readonly bytesMax: number;
}

/** Stops the process that would write what no table can hold. */
export function checkChanges(changes: readonly Change[]): void {
  for (const { key } of changes) {
    const isKey = key.length > 0 && key.length <= tableKeyBytesMax;
    assert(isKey, 'the key of a table has 1 to 1,978 bytes');
  }
}

/** The slice of a table, by its `scan`. */
export function collectRange(
  tables: Pick<Tables, 'scan'>,
  table: TableName,
  slice: RangeSlice,
): readonly Entry[] {
  const found: Entry[] = [];
  let bytes = 0;
  if (slice.limit <= 0) return found;
  tables.scan(table, slice.start, (entry) => {
    found.push(entry);
    bytes += entry.key.length + entry.value.length;
    return found.length < slice.limit && bytes <= slice.bytesMax;
  });
  return found;
}
