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
 * A call into the native code costs 150 ns, and several times that for a small array which the
 * engine must first move out of its heap. So small ones are joined in memory that stays.
 *
 * @param from where the part of the record begins that counts.
 */
export function recordChecksum(key: Uint8Array, record: Uint8Array, from = 0): number {
  const counted = from === 0 ? record : record.subarray(from);
  const bytes = key.length + counted.length;
  if (bytes > joined.length) return crc32c(counted, crc32c(key));
  joined.set(key);
  joined.set(counted, key.length);
  return crc32c(joined.subarray(0, bytes));
}

const joined = Buffer.alloc(4_096);
