import type { Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';

/**
 * One node's records, in key order. Narrow on purpose: everything that is replicated, healed or
 * promised is decided above.
 *
 * Reads are synchronous and see only what is durable. `applyBatch` compares and stores as one step
 * per record, and its promise settles after the flush; once it has settled a get sees the batch.
 */
export interface Storage {
  /** The record of a key, or `undefined` if the key was never written. */
  get(key: Uint8Array): VersionedValue | undefined;
  /** The version of a key's record, without its value. */
  versionOf(key: Uint8Array): Version | undefined;
  /**
   * Stores each record unless the key holds the same or a newer version; a version never goes
   * down. All of the batch becomes durable with one flush.
   *
   * @returns for each record in order, the version that its key now holds.
   */
  applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]>;
  /** A slice of the records in key order. Long scans are made of many slices. */
  range(slice: RangeSlice): readonly KeyedRecord[];
  /** How many keys are held, tombstones included. */
  entryCount(): number;
  /** Ends the storage after what was applied is durable; nothing may be called after it. */
  close(): Promise<void>;
}

/** A key with its record. */
export interface KeyedRecord {
  readonly key: Uint8Array;
  readonly record: VersionedValue;
}

/** A part of the key order. */
export interface RangeSlice {
  /** The first key, itself included; the very first when empty. */
  readonly start: Uint8Array;
  /** How many records at most. */
  readonly limit: number;
  /** The slice ends after the record with which its keys and values pass this many bytes. */
  readonly bytesMax: number;
}
