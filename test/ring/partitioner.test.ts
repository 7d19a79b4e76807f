import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareBytes, encodeText } from '../../src/base/bytes.ts';
import {
  byteOrderedPartitioner,
  hashPartitioner,
  partitionerNamed,
  partitionerNames,
  tokenCount,
} from '../../src/ring/partitioner.ts';
import { arbitraryKey } from '../record/samples.ts';

describe('the byte-ordered partitioner', () => {
  it('puts the number keys at their own position', () => {
    for (let key = 0; key < tokenCount; key++) {
      assert.equal(byteOrderedPartitioner.tokenOf(Uint8Array.of(key)), key);
    }
  });

  it('keeps the order of keys across tokens', () => {
    fc.assert(
      fc.property(arbitraryKey, arbitraryKey, (left, right) => {
        const [lower, upper] = compareBytes(left, right) <= 0 ? [left, right] : [right, left];
        const { tokenOf } = byteOrderedPartitioner;
        assert.ok(tokenOf(lower) <= tokenOf(upper));
      }),
    );
  });
});

describe('the hash partitioner', () => {
  it('takes the upper byte of the published hash', () => {
    assert.equal(hashPartitioner.tokenOf(encodeText('test')), 0xba);
    assert.equal(hashPartitioner.tokenOf(encodeText('Hello, world!')), 0xc0);
  });

  it('spreads text keys over the whole ring', () => {
    const hits = Array<number>(tokenCount).fill(0);
    for (let user = 0; user < 25_600; user++) {
      const token = hashPartitioner.tokenOf(encodeText(`user:${user}`));
      hits[token] = (hits[token] ?? 0) + 1;
    }
    assert.ok(Math.min(...hits) > 50, `${Math.min(...hits)} of 100`);
    assert.ok(Math.max(...hits) < 150, `${Math.max(...hits)} of 100`);
  });
});

describe('partitionerNamed', () => {
  it('gives each partitioner by its own name, and only one is ordered', () => {
    for (const name of partitionerNames) assert.equal(partitionerNamed(name).name, name);
    const ordered = partitionerNames.filter((name) => partitionerNamed(name).isOrdered);
    assert.deepEqual(ordered, ['byte-ordered']);
  });
});
