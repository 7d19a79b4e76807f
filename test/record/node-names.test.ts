import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeNameAt, nodeNameBytes } from '../../src/record/node-names.ts';

describe('node names', () => {
  it('come out of bytes and go into bytes, however many there are and however often', () => {
    const names = [
      ...'abc',
      'ab',
      'ba',
      'änne',
      ...Array.from({ length: 100 }, (_, at) => `n${at}`),
    ];
    for (let round = 0; round < 2; round++) {
      for (const name of names) {
        const message = Buffer.from(`<${name}>`);
        assert.equal(nodeNameAt(message, 1, message.length - 1), name);
        assert.deepEqual(Buffer.from(nodeNameBytes(name)), Buffer.from(name));
      }
    }
  });

  it('stay when the message that they were first met in is used again', () => {
    const message = Buffer.from('first-met');
    assert.equal(nodeNameAt(message, 0, message.length), 'first-met');
    message.write('other-met');
    assert.equal(nodeNameAt(message, 0, message.length), 'other-met');
    assert.equal(nodeNameAt(Buffer.from('first-met'), 0, 9), 'first-met');
  });
});
