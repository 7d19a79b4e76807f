import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenSet } from '../../src/ring/token-set.ts';

describe('TokenSet', () => {
  it('holds what a set of numbers holds', () => {
    const token = fc.nat({ max: 255 });
    const change = fc.tuple(fc.boolean(), token);
    fc.assert(
      fc.property(fc.array(change), fc.array(token), (changes, others) => {
        const set = new TokenSet();
        const model = new Set<number>();
        for (const [isAdded, at] of changes) {
          if (isAdded) set.add(at);
          else set.delete(at);
          if (isAdded) model.add(at);
          else model.delete(at);
          assert.equal(set.has(at), isAdded);
        }
        assert.equal(set.isEmpty, model.size === 0);
        set.addAll(TokenSet.of(others));
        const expected = [...new Set([...model, ...others])].sort((left, right) => left - right);
        assert.deepEqual([...set], expected);
        assert.deepEqual([...new TokenSet(set.bytes)], expected);
      }),
    );
  });

  it('shares no bits with the bytes it was made of', () => {
    const bytes = new Uint8Array(32);
    const set = new TokenSet(bytes);
    set.add(0);
    set.add(255);
    assert.deepEqual([...bytes], [...new Uint8Array(32)]);
    assert.deepEqual([set.bytes[0], set.bytes[31]], [1, 128]);
  });
});
