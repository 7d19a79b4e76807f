import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WriteCore } from '../../src/coordinator/write-core.ts';
import { versionAt } from '../record/samples.ts';
import { planOf } from './plans.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];

describe('WriteCore asking for versions', () => {
  it('has enough when a quorum has named its version, and knows the newest', () => {
    const core = new WriteCore(planOf('QUORUM'));
    core.addVersion('a', v1, 0);
    assert.equal(core.queryOutcome(), 'pending');
    core.addVersion('c', v3, 0);
    assert.equal(core.queryOutcome(), 'reached');
    core.addVersion('b', v2, 0);
    assert.deepEqual(core.newestSeen, v3);
    assert.equal(core.versionsReceived, 3);
  });

  it('knows no version of a key that was never written', () => {
    const core = new WriteCore(planOf('QUORUM'));
    core.addVersion('a', undefined, 0);
    core.addVersion('b', undefined, 0);
    assert.equal(core.queryOutcome(), 'reached');
    assert.equal(core.newestSeen, undefined);
  });

  it('ends as soon as too few are left to ask', () => {
    const core = new WriteCore(planOf('QUORUM', 3, ['a', 'b']));
    core.addVersionFailure('b');
    assert.equal(core.queryOutcome(), 'unreachable');
  });

  it('measures how far it is ahead of all others, its own replica left out', () => {
    const core = new WriteCore(planOf('QUORUM'));
    assert.equal(core.aheadOfOthersMs('a', 1_000), undefined);
    core.addVersion('a', v1, 1_000);
    assert.equal(core.aheadOfOthersMs('a', 1_000), undefined);
    core.addVersion('b', v1, 600);
    assert.equal(core.aheadOfOthersMs('a', 1_000), 400);
    // One clock that is near is enough: it is not ahead of all.
    core.addVersion('c', v1, 990);
    assert.equal(core.aheadOfOthersMs('a', 1_000), 10);
  });
});

describe('WriteCore storing', () => {
  it('is done with the required acknowledgements and hints for the rest', () => {
    const core = new WriteCore(planOf('QUORUM'));
    core.addStored('a', v2);
    assert.equal(core.storeOutcome(), 'pending');
    core.addStored('b', v2);
    assert.equal(core.storeOutcome(), 'reached');
    assert.deepEqual(core.missing(), ['c']);
  });

  it('hints for replicas that were down from the start, in preference order', () => {
    const core = new WriteCore(planOf('ONE', 3, ['b']));
    core.addStored('b', v2);
    assert.deepEqual(core.missing(), ['a', 'c']);
  });

  it('counts a replica that already holds something newer', () => {
    const core = new WriteCore(planOf('QUORUM'));
    core.addStored('a', v3);
    core.addStored('b', v2);
    assert.equal(core.storeOutcome(), 'reached');
    assert.deepEqual(core.heldBy('a'), v3);
    assert.equal(core.isSuperseded(v2), false);
  });

  it('is superseded if all that acknowledged held something newer', () => {
    const core = new WriteCore(planOf('TWO'));
    assert.equal(core.isSuperseded(v2), false);
    core.addStored('a', v3);
    core.addStored('b', v3);
    assert.equal(core.isSuperseded(v2), true);
    core.addStored('c', v2);
    assert.equal(core.isSuperseded(v2), false);
  });

  it('ends as soon as too few are left to acknowledge', () => {
    const core = new WriteCore(planOf('QUORUM'));
    core.addRefused('a');
    assert.equal(core.storeOutcome(), 'pending');
    core.addUnknown('b');
    assert.equal(core.storeOutcome(), 'unreachable');
    core.addStored('c', v2);
    assert.equal(core.storeOutcome(), 'unreachable');
    assert.equal(core.acknowledged, 1);
    assert.deepEqual(core.missing(), ['a', 'b']);
  });

  it('exists nowhere, and is not hinted, only if all it was sent to refused', () => {
    const core = new WriteCore(planOf('QUORUM', 3, ['a', 'b']));
    core.addRefused('a');
    assert.equal(core.isCertainlyNotApplied(), false);
    assert.deepEqual(core.missing(), ['a', 'b', 'c']);
    core.addRefused('b');
    assert.equal(core.isCertainlyNotApplied(), true);
    assert.deepEqual(core.missing(), []);
  });

  it('may exist if one replica is unknown', () => {
    const core = new WriteCore(planOf('QUORUM', 3, ['a', 'b']));
    core.addRefused('a');
    core.addUnknown('b');
    assert.equal(core.isCertainlyNotApplied(), false);
    assert.deepEqual(core.missing(), ['a', 'b', 'c']);
  });

  it('never forgets a replica: each one stored, will be hinted, or all refused', () => {
    const said = fc.array(fc.constantFrom('stored', 'refused', 'unknown', 'silent'), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(said, fc.subarray(['a', 'b', 'c'], { minLength: 1 }), (answers, live) => {
        const core = new WriteCore(planOf('ONE', 3, live));
        for (const [index, node] of live.entries()) {
          if (answers[index] === 'stored') core.addStored(node, v2);
          else if (answers[index] === 'refused') core.addRefused(node);
          else if (answers[index] === 'unknown') core.addUnknown(node);
        }
        const isNowhere = live.every((_, index) => answers[index] === 'refused');
        assert.equal(core.isCertainlyNotApplied(), isNowhere);
        const stored = live.filter((_, index) => answers[index] === 'stored');
        const expected = ['a', 'b', 'c'].filter((node) => !stored.includes(node));
        assert.deepEqual(core.missing(), isNowhere ? [] : expected);
      }),
    );
  });
});
