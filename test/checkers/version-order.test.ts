import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from './known-calls.ts';
import { backwardsIn } from './version-order.ts';

const backwards = (lines: string) => backwardsIn(callsOf(lines));

describe('the order of versions', () => {
  it('lets a get show the version again that another has shown, and a write make none twice', () => {
    assert.deepEqual(backwards('a 0-10 put x v1\nb 20-30 get x v1\nc 40-50 get x v1'), []);
    assert.equal(backwards('a 0-10 delete v1\nb 20-30 delete v1').length, 1);
  });

  it('names the newest call that had ended, for each that is older', () => {
    const lines = 'a 0-10 put x v1\nb 0-15 put y v3\nc 0-12 put z v2\nd 20-30 get z v2';
    assert.deepEqual(backwards(lines), [
      'd 20–30 get QUORUM ok "z" v2 after b 0–15 put QUORUM ok "y" v3',
    ]);
  });

  it('says nothing of calls that overlap, in the last millisecond even', () => {
    assert.deepEqual(backwards('a 0-20 put x v2\nb 20-30 get nothing'), []);
    assert.equal(backwards('a 0-20 put x v2\nb 21-30 get nothing').length, 1);
  });

  it('says nothing of weak levels, unknown outcomes and texts without a version', () => {
    const after = (get: string) => backwards(`a 0-10 put x v2\nb 20-30 ${get}`);
    assert.deepEqual(after('get nothing ONE'), []);
    assert.deepEqual(after('get y'), []);
    assert.deepEqual(after('put y v1 failed'), []);
    assert.deepEqual(backwards('a 0-? put x v2\nb 20-30 get nothing'), []);
  });

  it('takes the version of a floor as that of absent', () => {
    assert.deepEqual(backwards('a 0-10 delete v2-n\nb 20-30 get nothing v3-!'), []);
    assert.equal(backwards('a 0-10 put x v3-n\nb 20-30 get nothing v3-!').length, 1);
  });
});
