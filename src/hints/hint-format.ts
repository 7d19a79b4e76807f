import { asBuffer, decodeText, encodeText } from '../base/bytes.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { recordChecksum } from '../storage/checksum.ts';
import { decodeRecord, encodeRecord } from '../storage/record-format.ts';

/**
 * A hint as one row of the table `hints`. Rows of one target stand together, in the order in which
 * they were kept: the key of a row is the target's name, a zero byte, and a number of 8 bytes. Its
 * value:
 *
 *     offset  bytes
 *     0       4      CRC-32C of the row's key and of all that follows up to the record
 *     4       1      format, 1
 *     5       8      when the first version was kept, in milliseconds since 1970
 *     13      2      length n of the key
 *     15      n      the key
 *     15+n           the record as `storage/record-format.ts` has it, with its own checksum
 *
 * Numbers are big-endian. Of a damaged record the token is still known, of a damaged head nothing.
 */
export interface HintRow {
  readonly key: Uint8Array;
  readonly keptAtMs: number;
  /** `undefined` if it is damaged. */
  readonly record: VersionedValue | undefined;
}

/** The key of a row. */
export function encodeRowKey(target: string, sequence: number): Uint8Array {
  const name = encodeText(target);
  const bytes = Buffer.alloc(name.length + 1 + sequenceBytes);
  bytes.set(name);
  bytes.writeBigUInt64BE(BigInt(sequence), name.length + 1);
  return bytes;
}

/** What the key of a row says, or `undefined` if it is none. */
export function decodeRowKey(
  rowKey: Uint8Array,
): { readonly target: string; readonly sequence: number } | undefined {
  const nameLength = rowKey.length - 1 - sequenceBytes;
  if (nameLength < 1 || rowKey.indexOf(0) !== nameLength) return undefined;
  const target = decodeText(rowKey.subarray(0, nameLength));
  const sequence = Number(asBuffer(rowKey).readBigUInt64BE(nameLength + 1));
  if (target === undefined || !Number.isSafeInteger(sequence)) return undefined;
  return { target, sequence };
}

/** The value of a row. */
export function encodeRow(
  rowKey: Uint8Array,
  key: Uint8Array,
  keptAtMs: number,
  record: VersionedValue,
): Uint8Array {
  const recordOffset = keyOffset + key.length;
  const encoded = encodeRecord(key, record);
  const bytes = Buffer.allocUnsafe(recordOffset + encoded.length);
  bytes[formatOffset] = format;
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(keptAtMs))), keptAtOffset);
  bytes.writeUInt16BE(key.length, keyLengthOffset);
  bytes.set(key, keyOffset);
  bytes.writeUInt32BE(recordChecksum(rowKey, bytes.subarray(formatOffset, recordOffset)), 0);
  bytes.set(encoded, recordOffset);
  return bytes;
}

/** What a row holds, parts of its value, not copies; `undefined` if its head is damaged. */
export function decodeRow(rowKey: Uint8Array, value: Uint8Array): HintRow | undefined {
  const bytes = asBuffer(value);
  if (bytes.length < keyOffset || bytes[formatOffset] !== format) return undefined;
  const recordOffset = keyOffset + bytes.readUInt16BE(keyLengthOffset);
  if (recordOffset > bytes.length) return undefined;
  const sum = recordChecksum(rowKey, bytes.subarray(formatOffset, recordOffset));
  if (bytes.readUInt32BE(0) !== sum) return undefined;
  const key = bytes.subarray(keyOffset, recordOffset);
  const keptAtMs = Number(bytes.readBigUInt64BE(keptAtOffset));
  return { key, keptAtMs, record: decodeRecord(key, bytes.subarray(recordOffset)) };
}

const sequenceBytes = 8;
const format = 1;
const formatOffset = 4;
const keptAtOffset = 5;
const keyLengthOffset = 13;
const keyOffset = 15;
