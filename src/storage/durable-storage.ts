import { bytesToMapKey, mapKeyToBytes } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { KeyedVersion } from '../record/replica-messages.ts';
import { compareVersions, type Version } from '../record/version.ts';
import { recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import { enterFlight, type InFlight, type StoringChange } from './in-flight.ts';
import { type KnownKey, KnownKeys } from './known-keys.ts';
import { NewestClock } from './newest-clock.ts';
import { decodeRecord, decodeVersion, encodeRecord } from './record-format.ts';
import type { KeyedRecord, Storage } from './storage.ts';
import type { Change, Entry, RangeSlice, Tables } from './tables.ts';

/**
 * Records in durable tables.
 *
 * A store compares with the newest of what is durable and what is in flight, in one step at the
 * time of the call, so two stores of one key that share a flush cannot lower it. What is known to be
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
  readonly #known = new KnownKeys<InFlight>(knownKeysMax);
  readonly #damaged = new Set<string>();
  readonly #newestClock: NewestClock;
  readonly #damageListeners: ((key: Uint8Array) => void)[] = [];
  #flushes = 0;
  #onIdle: (() => void) | undefined;

  /** @param tables stay open when the storage is closed: they belong to who opened them. */
  constructor(tables: Tables) {
    this.#tables = tables;
    this.#newestClock = new NewestClock(tables);
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
    const known = this.#known.of(bytesToMapKey(key));
    const version = known.flight?.version ?? known.durable;
    if (version === undefined) known.durable = this.versionOf(key);
    return version ?? known.durable;
  }

  newestClock(): bigint | undefined {
    // What was held of a damaged key may have been lost with a former disk.
    return this.#damaged.size === 0 ? this.#newestClock.clock : undefined;
  }

  async applyBatch(records: readonly KeyedRecord[]): Promise<readonly Version[]> {
    const changes: Change[] = [];
    const own: InFlight[] = [];
    const others = new Set<Promise<void>>();
    const held: Version[] = [];
    try {
      for (const { key, record } of records) {
        const known = this.#known.of(bytesToMapKey(key));
        const current = known.flight?.version ?? this.#versionToPass(key, known, record.version);
        if (current !== undefined && compareVersions(current, record.version) >= 0) {
          held.push(current);
        } else {
          if (this.#isDamaged(key)) changes.push(damageMark(key));
          this.#enter(key, record, known, changes, own);
          held.push(record.version);
        }
        const flushed = known.flight?.flushed;
        if (flushed !== undefined) others.add(flushed);
      }
    } catch (error: unknown) {
      // The disk could not be read, and what was entered goes nowhere.
      this.#newestClock.forgetMark();
      this.#leave(own);
      throw error;
    }
    if (changes.length > 0) others.add(this.#write(changes, own));
    const [first] = others;
    await (others.size === 1 ? first : Promise.all(others));
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
    let known = this.#known.of(mapKey);
    // A store in flight may yet fail, so this is judged only by what is durable.
    while (known.flight !== undefined) {
      await known.flight.flushed?.catch(() => undefined);
      known = this.#known.of(mapKey);
    }
    const bytes = this.#tables.view('data', key);
    const held = bytes && decodeVersion(key, bytes);
    const changes: Change[] = [{ table: 'damaged', key, value: undefined }];
    const own: InFlight[] = [];
    if (newest !== undefined && compareVersions(held, newest.version) < 0) {
      this.#enter(key, newest, known, changes, own);
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
        const known = this.#known.of(mapKey);
        if (known.flight !== undefined || this.#damaged.has(mapKey)) return false;
        if (compareVersions(this.#durableVersion(key), version) !== 0) return false;
        own.push(enterFlight(known, version, undefined));
        return true;
      })
      .map(({ key }): Change => ({ table: 'data', key, value: undefined }));
    if (changes.length > 0) await this.#write(changes, own);
  }

  close(): Promise<void> {
    if (this.#flushes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Hands a newer record in. Many stores of one key that wait for the same transaction are one. */
  #enter(
    key: Uint8Array,
    record: VersionedValue,
    known: KnownKey<InFlight>,
    changes: Change[],
    own: InFlight[],
  ): void {
    const mark = this.#newestClock.cover(record.version.clock);
    if (mark !== undefined) changes.push(mark);
    const value = encodeRecord(key, record);
    if (known.flight?.waiting === undefined) {
      const stored: StoringChange = { table: 'data', key, value };
      changes.push(stored);
      own.push(enterFlight(known, record.version, stored));
    } else {
      known.flight.waiting.value = value;
      known.flight.version = record.version;
    }
  }

  /** Writes, and ends the flight of its records when they are durable or failed. */
  #write(changes: readonly Change[], own: readonly InFlight[]): Promise<void> {
    this.#flushes++;
    const onBegin = () => {
      for (const entered of own) entered.waiting = undefined;
    };
    const flushed = this.#tables.write(changes, onBegin).then(
      () => this.#land(own, true),
      (error: unknown) => {
        this.#land(own, false);
        throw error;
      },
    );
    for (const entered of own) entered.flushed = flushed;
    return flushed;
  }

  #land(own: readonly InFlight[], isDurable: boolean): void {
    if (isDurable) {
      for (const { known, version, isRemoval } of own) {
        known.durable = isRemoval ? undefined : version;
      }
    } else this.#newestClock.forgetMark();
    this.#leave(own);
    this.#flushes--;
    if (this.#flushes === 0) this.#onIdle?.();
  }

  #leave(own: readonly InFlight[]): void {
    for (const entered of own) {
      if (entered.known.flight === entered) entered.known.flight = undefined;
    }
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
  #versionToPass(key: Uint8Array, known: KnownKey<InFlight>, made: Version): Version | undefined {
    if (known.durable === undefined || compareVersions(known.durable, made) >= 0) {
      known.durable = this.#durableVersion(key);
    }
    return known.durable;
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
    const known = this.#known.find(mapKey);
    if (known !== undefined) known.durable = undefined;
    if (this.#damaged.has(mapKey)) return;
    this.#damaged.add(mapKey);
    // Listeners own what they are told: the key given may be reused by the caller.
    for (const listener of this.#damageListeners) listener(mapKeyToBytes(mapKey));
  }
}

/** With keys of 20 bytes two generations take about 10 MiB. */
const knownKeysMax = 32 * 1024;

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
