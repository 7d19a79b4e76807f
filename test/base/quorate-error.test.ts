import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isQuorateErrorCode, QuorateError } from '../../src/base/quorate-error.ts';

describe('QuorateError', () => {
  it('says that a write may have happened only if its details say so', () => {
    assert.equal(new QuorateError('WRITE_TIMEOUT').mayHaveApplied, false);
    assert.equal(
      new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: false }).mayHaveApplied,
      false,
    );
    assert.equal(new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: true }).mayHaveApplied, true);
  });

  it('names the numbers behind it for people', () => {
    const { message } = new QuorateError('NOT_ENOUGH_REPLICAS', { required: 2, alive: 1 });
    assert.equal(message, 'Not enough replicas are reachable (required=2, alive=1)');
  });

  it('refuses what is too much without the cost of a stack, and leaves other errors theirs', () => {
    const error = QuorateError.overloaded({ inFlight: 9 });
    assert.deepEqual(
      [error.code, error.mayHaveApplied, error.retryable],
      ['OVERLOADED', false, true],
    );
    assert.match(error.message, /inFlight=9/);
    assert.doesNotMatch(error.stack ?? '', /\n +at /);
    assert.match(new QuorateError('INTERNAL').stack ?? '', /\n +at /);
  });

  it('keeps an error of ours and wraps all else with its cause', () => {
    const own = new QuorateError('CLOCK_SKEW');
    assert.equal(QuorateError.from(own), own);
    const cause = new TypeError('no such thing');
    const wrapped = QuorateError.from(cause);
    assert.equal(wrapped.code, 'INTERNAL');
    assert.equal(wrapped.cause, cause);
    assert.equal(QuorateError.from('words').details['reason'], 'words');
  });

  it('is retryable unless the same request can never succeed', () => {
    assert.equal(new QuorateError('NOT_ENOUGH_REPLICAS').retryable, true);
    assert.equal(new QuorateError('LEVEL_UNREACHABLE').retryable, false);
    assert.equal(new QuorateError('INVALID_KEY').retryable, false);
  });

  it('knows its codes and nothing that every object has', () => {
    assert.equal(isQuorateErrorCode('OVERLOADED'), true);
    for (const text of ['toString', '__proto__', 'overloaded', '']) {
      assert.equal(isQuorateErrorCode(text), false, text);
    }
  });
});
