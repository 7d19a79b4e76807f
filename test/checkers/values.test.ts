import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from './known-calls.ts';
import { inventionsIn } from './values.ts';

/** The end of each sentence: what is wrong. */
function wrong(lines: string): string[] {
  return inventionsIn(callsOf(lines)).map((problem) => problem.split(': ').slice(1).join(': '));
}

describe('a text that is found', () => {
  it('was put, at any level, before the get ended, by a put that did not fail', () => {
    assert.deepEqual(wrong('a 0-? put x\nb 0-9 get x ONE\nc 0-1 put y ONE\nd 1-2 get y ALL'), []);
    assert.deepEqual(wrong('a 0-10 get x ONE'), ['nobody wrote that']);
    assert.deepEqual(wrong('a 0-10 get x ONE\nb 5-8 put x failed'), ['its put failed']);
    assert.deepEqual(wrong('a 0-10 get x ONE\nb 11-? put x'), ['its put began later']);
    assert.deepEqual(wrong('a 0-10 get x ONE failed'), []);
  });

  it('has not been expired for 500 ms, as the record says or else the put', () => {
    const put = 'a 0-10 put x expires=1000\n';
    assert.deepEqual(wrong(`${put}b 1499-1600 get x ONE`), []);
    assert.deepEqual(wrong(`${put}b 1500-1600 get x ONE`), ['it expired at 1000']);
    assert.deepEqual(wrong(`${put}b 1500-1600 get x ONE expires=1200`), []);
  });

  it('expires once, if its put says so', () => {
    const put = 'a 0-10 put x expires=1000\nb 20-30 get x expires=1600\n';
    assert.deepEqual(wrong(`${put}c 40-50 get x expires=1000`), [
      'another call says that it expires at 1000',
    ]);
    assert.deepEqual(wrong('a 0-10 put x\nb 20-30 get x expires=1000'), [
      'its put gave it no time to expire',
    ]);
  });
});

describe('a version', () => {
  it('is made by one write', () => {
    assert.deepEqual(wrong('a 0-10 delete v1\nb 20-30 delete v1'), [
      'the version of a 0–10 delete QUORUM ok v1',
    ]);
  });

  it('has one text, which has one version', () => {
    const puts = 'a 0-10 put x v1\nb 0-? put y\n';
    assert.deepEqual(wrong(`${puts}c 20-30 get y ONE v1`), ['its version holds "x"']);
    assert.deepEqual(wrong(`${puts}c 20-30 get x ONE v2`), ['its version was v1 before']);
    assert.deepEqual(wrong(`${puts}c 20-30 get y ONE v2\nd 20-30 get y ONE v3`), [
      'its version was v2 before',
    ]);
    assert.deepEqual(wrong(`${puts}d 20-30 delete v2\ne 40-50 get y ONE v2`), [
      'its version holds "y"',
      'its version is of a delete',
    ]);
  });

  it('shows nothing if a delete made it, or its text has expired, or it is a floor', () => {
    const put = 'a 0-10 put x v1 expires=1000\n';
    assert.deepEqual(wrong('a 0-10 delete v1\nb 5-8 get nothing v1'), []);
    assert.deepEqual(wrong('a 9-10 delete v1\nb 5-8 get nothing v1'), ['its delete began later']);
    assert.deepEqual(wrong('a 0-? delete\nb 5-8 get nothing ONE v1'), []);
    assert.deepEqual(wrong('a 9-? delete\nb 5-8 get nothing ONE v1'), ['nobody deleted it']);
    assert.deepEqual(wrong(`${put}b 490-501 get nothing v1`), []);
    assert.deepEqual(wrong(`${put}b 490-500 get nothing v1`), ['its version holds "x"']);
    assert.deepEqual(wrong('a 0-? put x expires=1000\nb 490-501 get nothing ONE v1'), []);
    assert.deepEqual(wrong('a 0-? put x expires=1000\nb 490-500 get nothing ONE v1'), [
      'nobody deleted it',
    ]);
    assert.deepEqual(wrong('b 0-10 get nothing v1-!'), []);
    assert.deepEqual(wrong('a 0-10 put x\nb 20-30 get x v1-!'), [
      'the version of a floor holds nothing',
    ]);
  });
});
