import { murmur3 } from './murmur3.ts';

/**
 * A position on the ring, 0 to 255. A key's token decides which nodes hold it.
 */
export type Token = number;

/** How many positions the ring has. */
export const tokenCount = 256;

/** The partitioners by their name on the command line. */
export const partitionerNames = ['byte-ordered', 'hash'] as const;

export type PartitionerName = (typeof partitionerNames)[number];

/** Maps a key (at least one byte) to its token. */
export interface Partitioner {
  readonly name: PartitionerName;
  /** Whether keys keep their order across tokens, so that a range of keys is a range of tokens. */
  readonly isOrdered: boolean;
  tokenOf(key: Uint8Array): Token;
}

/** The first byte is the token: the numbers 0 to 255 sit at their own position. */
export const byteOrderedPartitioner: Partitioner = {
  name: 'byte-ordered',
  isOrdered: true,
  tokenOf: (key) => key[0] ?? 0,
};

/**
 * The upper byte of MurmurHash3 is the token: spreads text keys, which would nearly all land in one
 * quarter of a byte-ordered ring (a to z begin 0x61 to 0x7A).
 */
export const hashPartitioner: Partitioner = {
  name: 'hash',
  isOrdered: false,
  tokenOf: (key) => murmur3(key) >>> 24,
};

/** The partitioner of a name. */
export function partitionerNamed(name: PartitionerName): Partitioner {
  return name === 'hash' ? hashPartitioner : byteOrderedPartitioner;
}
