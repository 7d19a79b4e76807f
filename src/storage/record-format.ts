import { assert } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { nodeNameAt, nodeNameBytes } from '../record/node-names.ts';
import type { Version } from '../record/version.ts';
import { expiringValue, type ValueKind, type VersionedValue } from '../record/versioned-value.ts';
import { recordChecksum } from './checksum.ts';

/**
 * A record as bytes, with the checksum that LMDB does not have:
 *
 *     offset  bytes
 *     0       4      CRC-32C of the key and of everything after these four bytes
 *     4       1      format, 1
 *     5       1      flags: bits 0 to 2 the kind (0 tombstone, 1 text, 2 bytes, 3 JSON), bit 3
 *                    whether an expiry follows, the others 0
 *     6       8      clock of the version
 *     14      1      length n of the node's name
 *     15      n      the node's name, UTF-8
 *     15+n    8      only with bit 3: time of expiry in milliseconds since 1970
 *     then           the value to the end
 *
 * Numbers are big-endian. The key is in the sum, so a record that turns up under another key is
 * damaged too. Whatever is not exactly this counts as damaged, later formats included: they need
 * code of their own here before anything writes them.
 */
export function encodeRecord(key: Uint8Array, record: VersionedValue): Uint8Array {
  const { version, value } = record;
  const name = nodeNameBytes(version.node);
  assert(name.length <= nameBytesMax, 'the name of a node fits a record');
  const expireTimeMs = value?.expireTimeMs;
  const expiryOffset = nameOffset + name.length;
  const valueOffset = expiryOffset + (expireTimeMs === undefined ? 0 : expiryBytes);
  const bytes = Buffer.allocUnsafe(valueOffset + (value?.bytes.length ?? 0));
  const kind = value === undefined ? tombstoneKind : kinds.indexOf(value.kind);
  bytes[formatOffset] = format;
  bytes[flagsOffset] = kind | (expireTimeMs === undefined ? 0 : expiryFlag);
  writeClock(bytes, version.clock);
  bytes[nameLengthOffset] = name.length;
  bytes.set(name, nameOffset);
  if (expireTimeMs !== undefined) bytes.writeBigUInt64BE(BigInt(expireTimeMs), expiryOffset);
  if (value !== undefined) bytes.set(value.bytes, valueOffset);
  bytes.writeUInt32BE(recordChecksum(key, bytes, formatOffset), 0);
  return bytes;
}

/**
 * The record in bytes that were stored under a key, or `undefined` if they are damaged. Its value
 * is a part of the bytes given, not a copy.
 */
export function decodeRecord(key: Uint8Array, bytes: Uint8Array): VersionedValue | undefined {
  const version = decodeVersion(key, bytes);
  if (version === undefined) return undefined;
  const flags = bytes[flagsOffset] ?? 0;
  const kind = kinds[flags & kindMask];
  if (kind === undefined) return { version, value: undefined };
  const expiryOffset = nameOffset + (bytes[nameLengthOffset] ?? 0);
  if ((flags & expiryFlag) === 0) {
    return { version, value: { kind, bytes: bytes.subarray(expiryOffset) } };
  }
  const expireTimeMs = Number(asBuffer(bytes).readBigUInt64BE(expiryOffset));
  const value = { kind, bytes: bytes.subarray(expiryOffset + expiryBytes) };
  return { version, value: expiringValue(value, expireTimeMs) };
}

/**
 * The version of the record in bytes that were stored under a key, or `undefined` if they are
 * damaged. The whole record is checked, only its value is not looked at.
 */
export function decodeVersion(key: Uint8Array, bytes: Uint8Array): Version | undefined {
  if (bytes.length < nameOffset) return undefined;
  const buffer = asBuffer(bytes);
  if (buffer.readUInt32BE(0) !== recordChecksum(key, buffer, formatOffset)) return undefined;
  const nameEnd = nameOffset + (buffer[nameLengthOffset] ?? 0);
  if (buffer[formatOffset] !== format || !isShape(buffer, nameEnd)) return undefined;
  return { clock: readClock(buffer), node: nodeNameAt(buffer, nameOffset, nameEnd) };
}

/** Node's own functions for 64 bits make several numbers on the way to one. */
function writeClock(bytes: Uint8Array, clock: bigint): void {
  clockView.setBigUint64(0, clock);
  bytes.set(clockBytes, clockOffset);
}

function readClock(bytes: Uint8Array): bigint {
  for (let at = 0; at < clockBytes.length; at++) clockBytes[at] = bytes[clockOffset + at] ?? 0;
  return clockView.getBigUint64(0);
}

const clockBytes = new Uint8Array(8);
const clockView = new DataView(clockBytes.buffer);

/** Whether flags and lengths fit one another, which a right sum alone does not say. */
function isShape(bytes: Uint8Array, nameEnd: number): boolean {
  const flags = bytes[flagsOffset] ?? 0;
  const headerEnd = nameEnd + ((flags & expiryFlag) === 0 ? 0 : expiryBytes);
  if (flags === tombstoneKind) return bytes.length === headerEnd;
  const isKnown = kinds[flags & kindMask] !== undefined && flags <= (kindMask | expiryFlag);
  return isKnown && bytes.length >= headerEnd;
}

const format = 1;
const formatOffset = 4;
const flagsOffset = 5;
const clockOffset = 6;
const nameLengthOffset = 14;
const nameOffset = 15;
const nameBytesMax = 255;
const expiryBytes = 8;

const tombstoneKind = 0;
/** Each kind's number is its place. */
const kinds: readonly (ValueKind | undefined)[] = [undefined, 'text', 'bytes', 'json'];
const kindMask = 0b111;
const expiryFlag = 0b1000;
