import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeText, parseHex } from '../../src/base/bytes.ts';
import { murmur3 } from '../../src/ring/murmur3.ts';

/** Published vectors of MurmurHash3_x86_32 with seed 0, of every length modulo 4. */
const vectors: readonly (readonly [Uint8Array | undefined, number])[] = [
  [encodeText(''), 0],
  [encodeText('test'), 0xba6bd213],
  [encodeText('Hello, world!'), 0xc0363e43],
  [encodeText('The quick brown fox jumps over the lazy dog'), 0x2e4ff723],
  [parseHex('ffffffff'), 0x76293b50],
  [parseHex('21436587'), 0xf55b516b],
  [parseHex('214365'), 0x7e4a8634],
  [parseHex('2143'), 0xa0f7b07a],
  [parseHex('21'), 0x72661cf4],
  [parseHex('00000000'), 0x2362f9de],
  [parseHex('000000'), 0x85f0b427],
  [parseHex('0000'), 0x30f4c306],
  [parseHex('00'), 0x514e28b7],
];

describe('murmur3', () => {
  it('gives the published hashes', () => {
    for (const [bytes, hash] of vectors) {
      assert.ok(bytes);
      assert.equal(murmur3(bytes).toString(16), hash.toString(16), `of ${bytes}`);
    }
  });
});
