import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareBytes, encodeText } from '../../src/base/bytes.ts';
import {
  type KeyForm,
  keyFromWire,
  keyToWire,
  spellingFromWire,
  spellingToWire,
} from '../../src/wire/key-form.ts';
import { levelFromWire, levelToWire } from '../../src/wire/level-form.ts';
import { arbitraryKey } from '../record/samples.ts';

function refused(form: KeyForm | undefined, field: string): void {
  assert.throws(
    () => keyFromWire(form),
    (error: { code?: string; details?: unknown }) => {
      assert.equal(error.code, 'INVALID_KEY');
      assert.deepEqual(error.details, { field, mayHaveApplied: false });
      return true;
    },
  );
}

describe('a key on the wire', () => {
  it('is the same key in each of its spellings', () => {
    const spellings: readonly KeyForm[] = [
      { $case: 'key', value: 65 },
      { $case: 'textKey', value: 'A' },
      { $case: 'rawKey', value: Buffer.of(65) },
    ];
    for (const form of spellings) assert.deepEqual([...keyFromWire(form)], [65], form.$case);
    assert.deepEqual([...keyFromWire({ $case: 'textKey', value: 'é' })], [0xc3, 0xa9]);
  });

  it('comes back from the form that it is shown in', () => {
    fc.assert(
      fc.property(arbitraryKey, (key) => {
        assert.equal(compareBytes(keyFromWire(keyToWire(key)), key), 0);
        const spelling = spellingFromWire(keyToWire(key));
        assert.equal(compareBytes(keyFromWire(spellingToWire(spelling)), key), 0);
      }),
    );
  });

  it('is shown as a number if it is one byte, else as text if it can be, else as bytes', () => {
    assert.deepEqual(keyToWire(Uint8Array.of(65)), { $case: 'key', value: 65 });
    assert.deepEqual(keyToWire(encodeText('user:42')), { $case: 'textKey', value: 'user:42' });
    const raw = Buffer.of(0xff, 0xfe);
    assert.deepEqual(keyToWire(raw), { $case: 'rawKey', value: raw });
  });

  it('is refused by its own field if it is absent, too large, empty or too long', () => {
    refused(undefined, 'key_form');
    refused({ $case: 'key', value: 256 }, 'key');
    refused({ $case: 'key', value: 0xffff_ffff }, 'key');
    refused({ $case: 'textKey', value: '' }, 'text_key');
    refused({ $case: 'rawKey', value: Buffer.alloc(0) }, 'raw_key');
    refused({ $case: 'rawKey', value: Buffer.alloc(1_025) }, 'raw_key');
    // 1,024 characters, but of two bytes each.
    refused({ $case: 'textKey', value: 'é'.repeat(1_024) }, 'text_key');
    assert.equal(keyFromWire({ $case: 'textKey', value: 'é'.repeat(512) }).length, 1_024);
  });
});

describe('a level on the wire', () => {
  it('has the numbers of Cassandra, and QUORUM where it is left out', () => {
    const numbers = { ONE: 1, TWO: 2, THREE: 3, QUORUM: 4, ALL: 5 } as const;
    for (const [name, number] of Object.entries(numbers)) {
      const level = levelFromWire(number);
      assert.equal(level, name);
      assert.equal(levelToWire(level), number);
    }
    assert.equal(levelFromWire(0), 'QUORUM');
  });

  it('is refused by its field if its number is unknown', () => {
    for (const number of [6, 99, -1]) {
      assert.throws(
        () => levelFromWire(number),
        (error: { code?: string; details?: Record<string, unknown> }) =>
          error.code === 'INVALID_CONSISTENCY' && error.details?.['field'] === 'consistency',
      );
    }
  });
});
