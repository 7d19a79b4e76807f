import type { KeyedVersion } from '../record/replica-messages.ts';
import type { Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { RangeSlice } from './tables.ts';

/**
 * One node's records, in key order. Narrow on purpose: everything that is replicated, healed or
 * promised is decided above.
 *
 * Reads are synchronous and see only what is durable. `applyBatch` compares and stores as one step
 * per record, and its promise settles after the flush; once it has settled a get sees the batch.
 *
 * A record whose bytes do not fit their checksum is **damaged**. It is neither served nor counted
 * as absent: until {@link heal} has stored the newest record of all other replicas over it, `get`
 * and `versionOf` throw, also when a newer record was stored there meanwhile, because what was
 * acknowledged before may have been newer still.
 */
export interface Storage {
  /**
   * The record of a key, or `undefined` if the key was never written. The caller owns its bytes.
   *
   * @throws QuorateError RECORD_DAMAGED.
   */
  get(key: Uint8Array): VersionedValue | undefined;
  /**
   * The version of a key's record, without its value.
   *
   * @throws QuorateError RECORD_DAMAGED.
   */
  versionOf(key: Uint8Array): Version | undefined;
  /**
   * As {@link versionOf}, and cheaper for a key that is being written: it may name a version that is
   * not durable yet. For who wants to make a greater one, not for who believes that it is held.
   */
  newestVersionOf(key: Uint8Array): Version | undefined;
  /**
   * A clock that no version is newer than which is held, was held once, or is on its way, of any key;
   * 0 if there was none. After a restart it may be half a second more than needed. `undefined` where
   * it cannot be told, as while a key is damaged.
   */
  newestClock(): bigint | undefined;
  /**
   * Stores each record unless the key holds the same or a newer version; a version never goes
   * down. All of the batch becomes durable with one flush. What a key holds already is durable
   * too when this settles.
   *
   * @returns for each record in order, the version that its key now holds.
   * @throws StorageError when something of it is not durable.
   */
  applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]>;
  /**
   * A slice of the records in key order, without those of damaged keys. Long scans are made of
   * many slices. Each record is checked, so a walk over everything is a scrub.
   */
  range(slice: RangeSlice): readonly KeyedRecord[];
  /** How many keys are held, tombstones and damaged ones included. */
  entryCount(): number;
  /** The keys that were found damaged and are not healed yet, in no order. */
  damagedKeys(): readonly Uint8Array[];
  /**
   * Lets keys count as damaged, as if their records were: what was here of them is lost, and
   * another replica that should know cannot tell it either. Settles when that is durable.
   *
   * @throws StorageError when it is not.
   */
  markDamaged(keys: readonly Uint8Array[]): Promise<void>;
  /** Calls back once for each key that is found damaged, in the turn of the event loop in which it is. */
  onDamage(listener: (key: Uint8Array) => void): void;
  /**
   * Ends the damage of a key with the newest record of ALL other replicas, `undefined` if none
   * has one. A good record that was stored meanwhile and is newer stays.
   *
   * @throws StorageError when it is not durable; then the key is damaged as before.
   */
  heal(key: Uint8Array, newest: VersionedValue | undefined): Promise<void>;
  /**
   * Deletes the record of each key that holds exactly the version given, as if it had never been
   * there. Not a client's delete, which is a tombstone: this is how tombstones go.
   *
   * @throws StorageError when something of it is not durable.
   */
  remove(keyed: readonly KeyedVersion[]): Promise<void>;
  /** Settles when all that was applied is durable; nothing may be called after it. */
  close(): Promise<void>;
}

/** A key with its record. */
export interface KeyedRecord {
  readonly key: Uint8Array;
  readonly record: VersionedValue;
}
