import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenSet } from '../../src/ring/token-set.ts';
import {
  decodeNodeState,
  encodeNodeState,
  initialNodeState,
} from '../../src/storage/node-state.ts';
import { plain, sampleState } from './states.ts';

describe('the bytes of a state', () => {
  it('bring it back', () => {
    for (const state of [
      initialNodeState,
      ...Array.from({ length: 9 }, (_, n) => sampleState(n)),
    ]) {
      const decoded = decodeNodeState(encodeNodeState(state));
      assert.ok(decoded !== undefined);
      assert.deepEqual(plain(decoded), plain(state));
    }
  });

  it('hold the greatest clock and marks for 255 nodes with long names in less than a slot', () => {
    const names = Array.from({ length: 255 }, (_, n) => String(n).padStart(63, 'x'));
    const dirty = new Map(names.map((name) => [name, TokenSet.of([3])]));
    const bytes = encodeNodeState({ ...sampleState(1), ceiling: 2n ** 64n - 1n, dirty });
    assert.ok(bytes.length < 25 * 1024, `${bytes.length} bytes`);
    assert.equal(decodeNodeState(bytes)?.dirty.size, 255);
    assert.equal(decodeNodeState(bytes)?.ceiling, 2n ** 64n - 1n);
  });

  it('are refused when cut short or longer than they say', () => {
    const bytes = encodeNodeState(sampleState(5));
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeNodeState(bytes.subarray(0, length)), undefined, `${length} bytes`);
    }
    assert.equal(decodeNodeState(Uint8Array.of(...bytes, 0)), undefined);
  });
});
