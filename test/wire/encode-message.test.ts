/** The memory in which messages are written. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage } from '../../src/wire/encode-message.ts';

describe('a message', () => {
  it('keeps its bytes when others are written after it', () => {
    const sizes = [10, 100_000, 3, 5 * 1024 * 1024, 200, 0];
    const messages = sizes.map((size, index) =>
      encodeMessage((writer) => writer.raw(Buffer.alloc(size, index))),
    );
    for (const [index, size] of sizes.entries()) {
      assert.ok(messages[index]?.equals(Buffer.alloc(size, index)), `${size} bytes`);
    }
  });

  it('begins with nothing of one that could not be written', () => {
    const broken = () =>
      encodeMessage((writer) => {
        writer.uint32(10).fork().raw(Buffer.from('half'));
        throw new Error('no further');
      });
    assert.throws(broken, /no further/);
    const whole = encodeMessage((writer) => writer.raw(Buffer.from('whole')));
    assert.equal(whole.toString(), 'whole');
  });

  it('may be written while another is', () => {
    const outer = encodeMessage((writer) => {
      writer.raw(Buffer.from('a'));
      const inner = encodeMessage((other) => other.raw(Buffer.from('b')));
      writer.raw(inner).raw(Buffer.from('c'));
    });
    assert.equal(outer.toString(), 'abc');
  });
});
