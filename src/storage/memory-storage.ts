import sortedBtree from 'sorted-btree';
import { bytesToMapKey, mapKeyToBytes } from '../base/bytes.ts';
import type { KeyedVersion } from '../record/replica-messages.ts';
import { compareVersions, laterClock, type Version } from '../record/version.ts';
import { recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import type { KeyedRecord, Storage } from './storage.ts';
import type { RangeSlice } from './tables.ts';

/**
 * Records in memory, for tests and demos: a restart loses them all. Keys are held as texts of one
 * character per byte, whose order is the order of the bytes.
 */
export class MemoryStorage implements Storage {
  readonly #records = new sortedBtree.default<string, VersionedValue>();
  #newestClock = 0n;

  get(key: Uint8Array): VersionedValue | undefined {
    return this.#records.get(bytesToMapKey(key));
  }

  versionOf(key: Uint8Array): Version | undefined {
    return this.get(key)?.version;
  }

  newestVersionOf(key: Uint8Array): Version | undefined {
    return this.versionOf(key);
  }

  newestClock(): bigint | undefined {
    return this.#newestClock;
  }

  applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]> {
    return Promise.resolve(records.map((keyed) => this.#apply(keyed)));
  }

  range(slice: RangeSlice): readonly KeyedRecord[] {
    const found: KeyedRecord[] = [];
    let bytes = 0;
    for (const [mapKey, record] of this.#records.entries(bytesToMapKey(slice.start))) {
      if (found.length >= slice.limit || bytes > slice.bytesMax) break;
      const key = mapKeyToBytes(mapKey);
      found.push({ key, record });
      bytes += recordBytes(key, record);
    }
    return found;
  }

  entryCount(): number {
    return this.#records.size;
  }

  damagedKeys(): readonly Uint8Array[] {
    return [];
  }

  markDamaged(_keys: readonly Uint8Array[]): Promise<void> {
    return Promise.reject(new Error('memory is never rebuilt'));
  }

  onDamage(_listener: (key: Uint8Array) => void): void {
    // Memory has no damage of this kind.
  }

  heal(key: Uint8Array, newest: VersionedValue | undefined): Promise<void> {
    if (newest !== undefined) this.#apply({ key, record: newest });
    return Promise.resolve();
  }

  remove(keyed: readonly KeyedVersion[]): Promise<void> {
    for (const { key, version } of keyed) {
      if (compareVersions(this.versionOf(key), version) !== 0) continue;
      this.#records.delete(bytesToMapKey(key));
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#records.clear();
    return Promise.resolve();
  }

  #apply({ key, record }: KeyedRecord): Version {
    const mapKey = bytesToMapKey(key);
    const held = this.#records.get(mapKey)?.version;
    if (held !== undefined && compareVersions(held, record.version) >= 0) return held;
    this.#records.set(mapKey, detach(record));
    this.#newestClock = laterClock(this.#newestClock, record.version.clock);
    return record.version;
  }
}

/** Copies the value out of the message it came in, which would else stay in memory with it. */
function detach(record: VersionedValue): VersionedValue {
  if (record.value === undefined) return record;
  const bytes = new Uint8Array(record.value.bytes);
  return { version: record.version, value: { ...record.value, bytes } };
}
