import { crc32c } from '@node-rs/crc32';

/**
 * CRC-32C (Castagnoli). It finds every change of up to 32 bits in a row, and of any other all but
 * one in 4 billion; it does not protect against an attacker.
 */
export function checksum(bytes: Uint8Array): number {
  return crc32c(bytes);
}

/**
 * The sum of a key and its record as if they were one.
 *
 * @param from where the part of the record begins that counts.
 */
export function recordChecksum(key: Uint8Array, record: Uint8Array, from = 0): number {
  if (key.length + record.length - from <= smallBytesMax) {
    return ~addBytes(record, from, addBytes(key, 0, -1)) >>> 0;
  }
  return crc32c(from === 0 ? record : record.subarray(from), crc32c(key));
}

/** A call into the native code costs as much as this many bytes by table. */
const smallBytesMax = 256;

/**
 * Eight bytes at a time ("slicing-by-8", Kounavis and Berry, 2005).
 *
 * @param before the sum of what comes before, inverted, as sums are on the way.
 */
function addBytes(bytes: Uint8Array, from: number, before: number): number {
  let sum = before;
  let at = from;
  const eights = bytes.length - 7;
  while (at < eights) {
    const low = sum ^ byteAt(bytes, at) ^ (byteAt(bytes, at + 1) << 8);
    const four = low ^ (byteAt(bytes, at + 2) << 16) ^ (byteAt(bytes, at + 3) << 24);
    sum =
      entry(7, four & 255) ^
      entry(6, (four >>> 8) & 255) ^
      entry(5, (four >>> 16) & 255) ^
      entry(4, four >>> 24) ^
      entry(3, byteAt(bytes, at + 4)) ^
      entry(2, byteAt(bytes, at + 5)) ^
      entry(1, byteAt(bytes, at + 6)) ^
      entry(0, byteAt(bytes, at + 7));
    at += 8;
  }
  for (; at < bytes.length; at++) sum = (sum >>> 8) ^ entry(0, (sum ^ byteAt(bytes, at)) & 255);
  return sum;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** What a byte adds to the sum when so many bytes follow it. */
function entry(following: number, byte: number): number {
  return entries[(following << 8) | byte] ?? 0;
}

const polynomial = 0x82f6_3b78;
const entries = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0);
  entries[byte] = sum;
}
for (let place = 256; place < entries.length; place++) {
  const before = entry((place >>> 8) - 1, place & 255);
  entries[place] = (before >>> 8) ^ entry(0, before & 255);
}
