import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { noTokens, TokenSet } from '../../src/ring/token-set.ts';

const ascending = (tokens: Iterable<number>) => [...tokens].sort((left, right) => left - right);

describe('TokenSet', () => {
  it('holds what sets of numbers hold', () => {
    const tokens = fc.array(fc.nat({ max: 255 }));
    fc.assert(
      fc.property(tokens, tokens, (left, right) => {
        const [one, other] = [TokenSet.of(left), TokenSet.of(right)];
        const [model, others] = [new Set(left), new Set(right)];
        assert.deepEqual(one.tokens(), ascending(model));
        assert.deepEqual(one.union(other).tokens(), ascending(new Set([...left, ...right])));
        const rest = left.filter((token) => !others.has(token));
        assert.deepEqual(one.without(other).tokens(), ascending(new Set(rest)));
        assert.equal(one.isEmpty, model.size === 0);
        for (const token of right) assert.equal(one.has(token), model.has(token));
        assert.deepEqual(TokenSet.fromBytes(one.toBytes()).tokens(), one.tokens());
      }),
    );
  });

  it('is the same set when nothing would change', () => {
    const set = TokenSet.of([0, 7, 255]);
    assert.equal(set.union(TokenSet.of([7])), set);
    assert.equal(set.without(TokenSet.of([8])), set);
    assert.equal(noTokens.union(noTokens), noTokens);
  });

  it('shares no bits with the bytes it was made of', () => {
    const bytes = new Uint8Array(32);
    const set = TokenSet.fromBytes(bytes);
    bytes.fill(255);
    assert.equal(set.isEmpty, true);
    assert.deepEqual([...TokenSet.of([0, 255]).toBytes()].filter(Boolean), [1, 128]);
  });

  it('takes nothing that is no token', () => {
    for (const token of [-1, 256, 0.5]) assert.throws(() => TokenSet.of([token]));
    assert.throws(() => TokenSet.fromBytes(new Uint8Array(31)));
  });
});
