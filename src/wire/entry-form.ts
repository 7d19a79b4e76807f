import type { Entry } from '../../generated/quorate/v1/cluster.ts';
import { QuorateError } from '../base/quorate-error.ts';
import { formatVersion, parseVersion } from '../record/version.ts';
import { expiringValue, type Value, type VersionedValue } from '../record/versioned-value.ts';
import type { Ring } from '../ring/ring.ts';
import { keyFromWire, keyToWire } from './key-form.ts';
import { valueFromWire, valueToWire } from './value-form.ts';
import { timestampToMs, timestampToWire, writeTimeToWire } from './version-form.ts';

/** A key with its record, to and from the contract's Entry. */
interface KeyedRecord {
  readonly key: Uint8Array;
  readonly record: VersionedValue;
}

/** The latest time that a calendar has. */
const expireTimeMsMax = 8_640_000_000_000_000;

/** How a record is shown. */
export function entryToWire({ key, record }: KeyedRecord, ring: Ring): Entry {
  return {
    keyForm: keyToWire(key),
    valueForm: record.value && valueToWire(record.value),
    tombstone: record.value === undefined,
    version: formatVersion(record.version),
    writeTime: writeTimeToWire(record.version),
    expireTime: timestampToWire(record.value?.expireTimeMs),
    token: ring.partitioner.tokenOf(key),
  };
}

/**
 * The record that an entry shows.
 *
 * @throws QuorateError INVALID_KEY, INVALID_VALUE or INVALID_ARGUMENT naming the field.
 */
export function entryFromWire(entry: Entry): KeyedRecord {
  const key = keyFromWire(entry.keyForm);
  const version = parseVersion(entry.version);
  if (version === undefined) {
    throw invalid('version', `"${entry.version}" is no version as entries show it`);
  }
  return { key, record: { version, value: recordValue(entry) } };
}

function recordValue({ tombstone, valueForm, expireTime }: Entry): Value | undefined {
  const expireTimeMs = timestampToMs(expireTime);
  if (!tombstone) return expiringValue(valueFromWire(valueForm), checkExpiry(expireTimeMs));
  if (valueForm === undefined && expireTime === undefined) return undefined;
  throw invalid('tombstone', 'a tombstone has neither a value nor a time of expiry');
}

function checkExpiry(ms: number | undefined): number | undefined {
  if (ms === undefined || (Number.isInteger(ms) && ms > 0 && ms <= expireTimeMsMax)) return ms;
  throw invalid('expire_time', 'expire_time is no whole millisecond of the calendar after 1970');
}

function invalid(field: string, message: string): QuorateError {
  return new QuorateError('INVALID_ARGUMENT', { field, mayHaveApplied: false }, message);
}
