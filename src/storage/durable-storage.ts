import { bytesToMapKey, mapKeyToBytes } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { KeyedVersion } from '../record/replica-messages.ts';
import { compareVersions, type Version } from '../record/version.ts';
import { recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import { RecentVersions } from './recent-versions.ts';
import { decodeRecord, decodeVersion, encodeRecord } from './record-format.ts';
import type { KeyedRecord, Storage } from './storage.ts';
import type { Change, Entry, RangeSlice, Tables } from './tables.ts';

/**
 * Records in durable tables.
 *
 * A store compares with the newest of what is durable and what is in flight, in one step at the
 * time of the call, so two stores of one key that share a flush cannot lower it. The map of what is
 * in flight serves nothing else: a read that showed such a record, or an "already newer" that named
 * it before its flush, would promise what a power cut takes back.
 *
 * Versions that were used lately are remembered, for stores and for who wants to make a greater one;
 * what a read gives is always read and checked.
 *
 * A key that was found damaged stays so until it is healed, over restarts too: either its record
 * still shows it, or a mark in the table `damaged` that went in with the store that covered it.
 */
export class DurableStorage implements Storage {
  readonly #tables: Tables;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #recent = new RecentVersions(recentVersionsMax);
  readonly #damaged = new Set<string>();
  readonly #damageListeners: ((key: Uint8Array) => void)[] = [];
  readonly #flushes = new Set<Promise<void>>();

  /** @param tables stay open when the storage is closed: they belong to who opened them. */
  constructor(tables: Tables) {
    this.#tables = tables;
    tables.scan('damaged', new Uint8Array(), ({ key }) => {
      this.#damaged.add(bytesToMapKey(key));
      return true;
    });
  }

  get(key: Uint8Array): VersionedValue | undefined {
    this.#checkUndamaged(key);
    const bytes = this.#tables.view('data', key);
    if (bytes === undefined) return undefined;
    return copyValue(decodeRecord(key, bytes) ?? this.#throwDamaged(key));
  }

  versionOf(key: Uint8Array): Version | undefined {
    this.#checkUndamaged(key);
    const bytes = this.#tables.view('data', key);
    if (bytes === undefined) return undefined;
    return decodeVersion(key, bytes) ?? this.#throwDamaged(key);
  }

  newestVersionOf(key: Uint8Array): Version | undefined {
    this.#checkUndamaged(key);
    const mapKey = bytesToMapKey(key);
    const known = this.#inFlight.get(mapKey)?.version ?? this.#recent.get(mapKey);
    return known ?? this.#remember(mapKey, this.versionOf(key));
  }

  async applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]> {
    const changes: Change[] = [];
    const own: InFlight[] = [];
    const others = new Set<Promise<void>>();
    const held = records.map(({ key, record }) => {
      const mapKey = bytesToMapKey(key);
      const inFlight = this.#inFlight.get(mapKey);
      const current = inFlight?.version ?? this.#versionToPass(key, mapKey, record.version);
      if (current !== undefined && compareVersions(current, record.version) >= 0) {
        if (inFlight?.flushed !== undefined) others.add(inFlight.flushed);
        return current;
      }
      changes.push({ table: 'data', key, value: encodeRecord(key, record) });
      if (this.#damaged.has(mapKey)) changes.push(damageMark(key));
      own.push(this.#enterFlight(mapKey, record.version));
      return record.version;
    });
    const flushed = changes.length === 0 ? undefined : this.#write(changes, own);
    await Promise.all(flushed === undefined ? others : [flushed, ...others]);
    return held;
  }

  range(slice: RangeSlice): readonly KeyedRecord[] {
    const found: KeyedRecord[] = [];
    const damaged: Uint8Array[] = [];
    let bytes = 0;
    if (slice.limit <= 0) return found;
    this.#tables.scan('data', slice.start, ({ key, value }: Entry) => {
      const record = decodeRecord(key, value);
      if (record === undefined) damaged.push(key);
      else if (!this.#isDamaged(key)) {
        found.push({ key, record });
        bytes += recordBytes(key, record);
      }
      return found.length < slice.limit && bytes <= slice.bytesMax;
    });
    for (const key of damaged) this.#foundDamaged(key);
    return found;
  }

  entryCount(): number {
    return this.#tables.count('data');
  }

  damagedKeys(): readonly Uint8Array[] {
    return [...this.#damaged].map(mapKeyToBytes);
  }

  async markDamaged(keys: readonly Uint8Array[]): Promise<void> {
    await this.#write(keys.map(damageMark), []);
    for (const key of keys) this.#foundDamaged(key);
  }

  onDamage(listener: (key: Uint8Array) => void): void {
    this.#damageListeners.push(listener);
  }

  async heal(key: Uint8Array, newest: VersionedValue | undefined): Promise<void> {
    const mapKey = bytesToMapKey(key);
    // A store in flight may yet fail, so this is judged only by what is durable.
    for (let store = this.#inFlight.get(mapKey); store; store = this.#inFlight.get(mapKey)) {
      await store.flushed?.catch(() => undefined);
    }
    const bytes = this.#tables.view('data', key);
    const held = bytes && decodeVersion(key, bytes);
    const changes: Change[] = [{ table: 'damaged', key, value: undefined }];
    const own: InFlight[] = [];
    if (newest !== undefined && compareVersions(held, newest.version) < 0) {
      changes.push({ table: 'data', key, value: encodeRecord(key, newest) });
      own.push(this.#enterFlight(mapKey, newest.version));
    } else if (bytes !== undefined && held === undefined) {
      changes.push({ table: 'data', key, value: undefined });
    }
    await this.#write(changes, own);
    this.#damaged.delete(mapKey);
  }

  async remove(keyed: readonly KeyedVersion[]): Promise<void> {
    const own: InFlight[] = [];
    const changes = keyed
      .filter(({ key, version }) => {
        const mapKey = bytesToMapKey(key);
        if (this.#inFlight.has(mapKey) || this.#damaged.has(mapKey)) return false;
        if (compareVersions(this.#durableVersion(key), version) !== 0) return false;
        own.push(this.#enterFlight(mapKey, version, 'removed'));
        return true;
      })
      .map(({ key }): Change => ({ table: 'data', key, value: undefined }));
    if (changes.length > 0) await this.#write(changes, own);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#flushes);
  }

  #enterFlight(mapKey: string, version: Version, change: InFlight['change'] = 'stored'): InFlight {
    const entered: InFlight = { mapKey, version, change, flushed: undefined };
    this.#inFlight.set(mapKey, entered);
    return entered;
  }

  /** Writes, and ends the flight of its records when they are durable or failed. */
  #write(changes: readonly Change[], own: readonly InFlight[]): Promise<void> {
    const written = this.#tables.write(changes).then(() => {
      for (const { mapKey, version, change } of own) {
        if (change === 'stored') this.#recent.set(mapKey, version);
        else this.#recent.delete(mapKey);
      }
    });
    const flushed = written.finally(() => {
      this.#flushes.delete(flushed);
      for (const entered of own) {
        const isNewest = this.#inFlight.get(entered.mapKey) === entered;
        if (isNewest) this.#inFlight.delete(entered.mapKey);
      }
    });
    this.#flushes.add(flushed);
    for (const entered of own) entered.flushed = flushed;
    return flushed;
  }

  /** The version on disk; a record found damaged counts as none, and is remembered. */
  #durableVersion(key: Uint8Array): Version | undefined {
    const bytes = this.#tables.view('data', key);
    if (bytes === undefined) return undefined;
    const version = decodeVersion(key, bytes);
    if (version === undefined) this.#foundDamaged(key);
    return version;
  }

  /**
   * What a new version of a record must be greater than. That it is need not be looked up on the
   * disk if it is remembered; that it is not must, for what was held may be lost.
   */
  #versionToPass(key: Uint8Array, mapKey: string, made: Version): Version | undefined {
    const recent = this.#recent.get(mapKey);
    if (recent !== undefined && compareVersions(recent, made) < 0) return recent;
    return this.#remember(mapKey, this.#durableVersion(key));
  }

  #remember(mapKey: string, version: Version | undefined): Version | undefined {
    if (version === undefined) this.#recent.delete(mapKey);
    else this.#recent.set(mapKey, version);
    return version;
  }

  #isDamaged(key: Uint8Array): boolean {
    return this.#damaged.size > 0 && this.#damaged.has(bytesToMapKey(key));
  }

  #checkUndamaged(key: Uint8Array): void {
    if (this.#isDamaged(key)) throw new QuorateError('RECORD_DAMAGED');
  }

  #throwDamaged(key: Uint8Array): never {
    this.#foundDamaged(key);
    throw new QuorateError('RECORD_DAMAGED');
  }

  #foundDamaged(key: Uint8Array): void {
    const mapKey = bytesToMapKey(key);
    this.#recent.delete(mapKey);
    if (this.#damaged.has(mapKey)) return;
    this.#damaged.add(mapKey);
    // Listeners own what they are told: the key given may be reused by the caller.
    for (const listener of this.#damageListeners) listener(mapKeyToBytes(mapKey));
  }
}

/** With keys of 20 bytes they take about 10 MiB. */
const recentVersionsMax = 32 * 1024;

/** A record that was handed to the tables, to be stored or removed, where that is not durable yet. */
interface InFlight {
  readonly mapKey: string;
  readonly version: Version;
  readonly change: 'stored' | 'removed';
  /** Set within the call that entered it. */
  flushed: Promise<void> | undefined;
}

/** The record with a value of its own, where it was a part of memory that is used again. */
function copyValue(record: VersionedValue): VersionedValue {
  const { version, value } = record;
  return value === undefined
    ? record
    : { version, value: { ...value, bytes: Buffer.from(value.bytes) } };
}

function damageMark(key: Uint8Array): Change {
  return { table: 'damaged', key, value: new Uint8Array(0) };
}
