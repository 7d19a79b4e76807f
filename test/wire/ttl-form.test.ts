import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ttlFromWire, ttlMsMax, ttlToWire } from '../../src/wire/ttl-form.ts';

const invalid = { code: 'INVALID_TTL', details: { field: 'ttl', mayHaveApplied: false } };

describe('a time to live on the wire', () => {
  it('comes back to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: ttlMsMax }), (ttlMs) =>
        assert.equal(ttlFromWire(ttlToWire(ttlMs)), ttlMs),
      ),
    );
    assert.equal(ttlFromWire(ttlToWire(undefined)), undefined);
  });

  it('is rounded up to a millisecond, so that none is too short to be one', () => {
    assert.equal(ttlFromWire({ seconds: 0n, nanos: 1 }), 1);
    assert.equal(ttlFromWire({ seconds: 2n, nanos: 1_000_001 }), 2_002);
    assert.equal(ttlFromWire(ttlToWire(0.2)), 1);
  });

  it('is refused by its field if it is nothing, negative, malformed or over 3,650 days', () => {
    const daysMax = BigInt(3_650 * 86_400);
    assert.equal(ttlFromWire({ seconds: daysMax, nanos: 0 }), ttlMsMax);
    for (const [seconds, nanos] of [
      [0n, 0],
      [-1n, 0],
      [0n, -1],
      [1n, -1],
      [1n, 1_000_000_000],
      [daysMax, 1],
      [2n ** 63n - 1n, 0],
    ] as const) {
      assert.throws(() => ttlFromWire({ seconds, nanos }), invalid, `${seconds} ${nanos}`);
    }
    for (const ttlMs of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => ttlToWire(ttlMs), invalid, String(ttlMs));
    }
  });
});
