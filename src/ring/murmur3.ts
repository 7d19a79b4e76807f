/**
 * MurmurHash3 (x86, 32 bits, seed 0) by Austin Appleby: the hash of Cassandra's default
 * partitioner family, chosen because it is specified, spreads short keys and needs no crypto.
 */
export function murmur3(bytes: Uint8Array): number {
  const blockEnd = bytes.length & ~3;
  let hash = 0;
  for (let at = 0; at < blockEnd; at += 4) {
    hash ^= scramble(littleEndian(bytes, at, 4));
    hash = (Math.imul(rotateLeft(hash, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= scramble(littleEndian(bytes, blockEnd, bytes.length - blockEnd));
  return finish(hash ^ bytes.length);
}

function littleEndian(bytes: Uint8Array, from: number, count: number): number {
  let word = 0;
  for (let index = 0; index < count; index++) word |= (bytes[from + index] ?? 0) << (8 * index);
  return word;
}

function scramble(word: number): number {
  return Math.imul(rotateLeft(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

function finish(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
