import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { frameBytesMax, splitIntoFrames } from '../../src/links/frames.ts';

describe('splitIntoFrames', () => {
  it('keeps all items in order, each frame within 1 MiB or of one item, and none too many', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: frameBytesMax + 10 }), { maxLength: 30 });
    const small = fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(sizes, small), (items) => {
        const frames = splitIntoFrames(items, (bytes) => bytes);
        assert.deepEqual(frames.flat(), items);
        const totals = frames.map((frame) => frame.reduce((sum, bytes) => sum + bytes, 0));
        for (const [index, frame] of frames.entries()) {
          assert.ok(frame.length > 0);
          assert.ok(frame.length === 1 || (totals[index] ?? 0) <= frameBytesMax);
          const next = frames[index + 1]?.[0];
          assert.ok(next === undefined || (totals[index] ?? 0) + next > frameBytesMax);
        }
      }),
    );
  });
});
