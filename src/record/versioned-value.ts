import { compareVersions, isFloorVersion, type Version } from './version.ts';

/** How a value was written, so that it comes back as it was written. JSON is kept as JSON text. */
export type ValueKind = 'text' | 'bytes' | 'json';

/** A client's value. */
export interface Value {
  readonly kind: ValueKind;
  readonly bytes: Uint8Array;
  /**
   * From when on it reads as absent, in whole milliseconds since 1970; a value without it never
   * expires. Made once, with the version, and carried along wherever the value goes.
   */
  readonly expireTimeMs?: number;
}

/** The value with a time of expiry; as it is where there is none. */
export function expiringValue(value: Value, expireTimeMs: number | undefined): Value {
  return expireTimeMs === undefined ? value : { ...value, expireTimeMs };
}

/** A value, or a tombstone where `value` is `undefined`, with the version that wrote it. */
export interface VersionedValue {
  readonly version: Version;
  readonly value: Value | undefined;
}

/** What a floor says: absent, and there is no record of it to be fetched; nothing for other versions. */
export function recordOfFloor(version: Version | undefined): VersionedValue | undefined {
  if (version === undefined || !isFloorVersion(version)) return undefined;
  return { version, value: undefined };
}

/** Picks the newer of two; `undefined` is older than all. Equal versions are equal values. */
export function reconcile(
  left: VersionedValue | undefined,
  right: VersionedValue | undefined,
): VersionedValue | undefined {
  return compareVersions(left?.version, right?.version) >= 0 ? left : right;
}

/** Roughly how many bytes a record takes in memory or in a message, for limits of load. */
export function recordBytes(key: Uint8Array, record: VersionedValue | undefined): number {
  return recordOverheadBytes + key.length + (record?.value?.bytes.length ?? 0);
}

const recordOverheadBytes = 64;
