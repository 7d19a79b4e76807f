import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeText, formatHex } from '../../src/base/bytes.ts';
import { formatKey, type KeySpelling, parseKey } from '../../src/config/key-spelling.ts';

/** The bytes that a spelling names. */
function bytesOf(key: KeySpelling): string {
  if (typeof key === 'number') return formatHex(Uint8Array.of(key));
  return formatHex(typeof key === 'string' ? encodeText(key) : key);
}

describe('a key as people write it', () => {
  const read: readonly (readonly [string, KeySpelling])[] = [
    ['0', 0],
    ['7', 7],
    ['255', 255],
    ['256', '256'],
    ['007', '007'],
    ['-1', '-1'],
    ['7.0', '7.0'],
    ['user:42', 'user:42'],
    ['text:63', '63'],
    ['text:hex:00', 'hex:00'],
    ['text:text:', 'text:'],
    ['hex:00ff', Buffer.from([0, 255])],
    ['hex:00FF', Buffer.from([0, 255])],
    ['hexagon', 'hexagon'],
  ];
  for (const [spelling, key] of read) {
    it(`reads ${spelling}`, () => assert.deepEqual(parseKey(spelling), key));
  }

  for (const spelling of ['', 'text:', 'hex:', 'hex:0', 'hex:zz']) {
    it(`refuses "${spelling}"`, () => {
      assert.throws(() => parseKey(spelling), { code: 'CONFIGURATION' });
    });
  }

  const written: readonly (readonly [KeySpelling, string])[] = [
    [63, '63'],
    ['63', 'text:63'],
    ['256', '256'],
    ['007', '007'],
    ['user:42', 'user:42'],
    ['text:a', 'text:text:a'],
    ['hex:00', 'text:hex:00'],
    ['a\nb', 'hex:610a62'],
    [Uint8Array.of(0, 255), 'hex:00ff'],
    [Uint8Array.of(7), '7'],
    [encodeText('63'), 'text:63'],
  ];
  for (const [key, spelling] of written) {
    it(`is written ${spelling}`, () => assert.equal(formatKey(key), spelling));
  }

  it('names the same bytes after it was written and read', () => {
    const keys = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.string({ minLength: 1 }).map((text) => `text:${text}`),
      fc.string({ minLength: 1 }).map((text) => `hex:${text}`),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
    );
    fc.assert(
      fc.property(keys, (key) => assert.equal(bytesOf(parseKey(formatKey(key))), bytesOf(key))),
    );
  });
});
