import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  asBuffer,
  bytesToMapKey,
  compareBytes,
  decodeText,
  encodeText,
  formatHex,
  mapKeyToBytes,
  parseHex,
} from '../../src/base/bytes.ts';

function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

describe('bytes', () => {
  it('have the order of their first different byte, unsigned, then of their length', () => {
    const inOrder = [[], [0], [0, 255], [1], [127], [128], [128, 0], [255], [255, 255]];
    for (const [index, bytes] of inOrder.slice(1).entries()) {
      const before = Uint8Array.from(inOrder[index] ?? []);
      assert.equal(Math.sign(compareBytes(before, Uint8Array.from(bytes))), -1, `${bytes}`);
    }
  });

  it('keep their order and come back as map keys', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        const ofTexts = compareTexts(bytesToMapKey(left), bytesToMapKey(right));
        assert.equal(ofTexts, Math.sign(compareBytes(left, right)));
        assert.equal(compareBytes(mapKeyToBytes(bytesToMapKey(left)), left), 0);
      }),
    );
  });

  it('come back from hexadecimal digits of either case', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = formatHex(bytes);
        for (const spelling of [text, text.toUpperCase()]) {
          assert.equal(compareBytes(parseHex(spelling) ?? Uint8Array.of(0, 0), bytes), 0);
        }
      }),
    );
    for (const text of ['0', '0g', '0x00', ' 00', '00 ']) assert.equal(parseHex(text), undefined);
  });

  it('are the same memory as a Buffer of a part of an array', () => {
    const whole = Uint8Array.of(1, 2, 3, 4);
    const part = asBuffer(whole.subarray(1, 3));
    whole[1] = 9;
    assert.deepEqual([...part], [9, 3]);
  });

  it('are text only if they are valid UTF-8, with a byte order mark kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(decodeText(encodeText(text)), text);
      }),
    );
    assert.equal(decodeText(encodeText('\ufeffa')), '\ufeffa');
    for (const bytes of [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80]]) {
      assert.equal(decodeText(Uint8Array.from(bytes)), undefined, `${bytes}`);
    }
  });
});
