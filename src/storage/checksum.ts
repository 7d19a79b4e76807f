import { crc32c } from '@node-rs/crc32';

/**
 * CRC-32C (Castagnoli) over several parts as if they were one. It finds every change of up to 32
 * bits in a row, and of any other all but one in 4 billion; it does not protect against an
 * attacker.
 */
export function checksum(...parts: readonly Uint8Array[]): number {
  return parts.reduce((state, part) => crc32c(part, state), 0);
}
