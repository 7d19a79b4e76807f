import fc from 'fast-check';
import { encodeText } from '../../src/base/bytes.ts';
import { clockAtMs, clockMax, type Version } from '../../src/record/version.ts';
import {
  expiringValue,
  type Value,
  type VersionedValue,
} from '../../src/record/versioned-value.ts';

/** Versions and records for tests, by hand and at random. */

const startMs = 1_767_225_600_000;

/** A version made so many milliseconds after a fixed moment. */
export function versionAt(ms: number, node = 'a'): Version {
  return { clock: clockAtMs(startMs + ms), node };
}

/** A text value with its version. */
export function textRecord(version: Version, text = 'value'): VersionedValue {
  return { version, value: { kind: 'text', bytes: encodeText(text) } };
}

/** A key of one byte. */
export function numberKey(key: number): Uint8Array {
  return Uint8Array.of(key);
}

/** Versions; a few clocks come often, so that equal ones with other nodes are met. */
export const arbitraryVersion: fc.Arbitrary<Version> = fc
  .tuple(
    fc.oneof(fc.bigInt({ min: 0n, max: clockMax }), fc.bigInt({ min: 8n, max: 17n })),
    fc.constantFrom('a', 'ab', 'b', 'replica0', 'replica1'),
  )
  .map(([clock, node]) => ({ clock, node }));

const arbitraryValue: fc.Arbitrary<Value> = fc
  .tuple(
    fc.constantFrom('text', 'bytes', 'json'),
    fc.uint8Array({ maxLength: 40 }),
    fc.option(fc.integer({ min: 1, max: 2 ** 48 }), { nil: undefined }),
  )
  .map(([kind, bytes, expireTimeMs]) => expiringValue({ kind, bytes }, expireTimeMs));

/** Values of each kind, empty ones and tombstones included. */
export const arbitraryRecord: fc.Arbitrary<VersionedValue> = fc
  .tuple(arbitraryVersion, fc.option(arbitraryValue, { nil: undefined }))
  .map(([version, value]) => ({ version, value }));

/** Keys; short ones of few bytes come often, so that the same are met again. */
export const arbitraryKey: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 1_024 }),
  fc
    .array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 1, maxLength: 3 })
    .map((bytes) => Uint8Array.from(bytes)),
);
