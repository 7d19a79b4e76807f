import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { ReadCore } from '../../src/coordinator/read-core.ts';
import { textRecord, versionAt } from '../record/samples.ts';
import { planOf } from './plans.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];
const [r1, r2, r3] = [textRecord(v1, 'one'), textRecord(v2, 'two'), textRecord(v3, 'three')];

/** A core whose shell has asked all live replicas. */
function asked(level: ConsistencyLevel, replicas = 3, live?: readonly string[]): ReadCore {
  const plan = planOf(level, replicas, live);
  const core = new ReadCore(plan);
  for (const node of plan.readable) core.markAsked(node);
  return core;
}

/** Does what the core's write-back says, and gives the nodes it goes to. */
function writeBack(core: ReadCore): readonly string[] {
  const step = core.step();
  assert.equal(step.kind, 'write-back');
  for (const node of step.nodes) core.markWrittenBack(node, step.record.version);
  return step.nodes;
}

describe('ReadCore at QUORUM', () => {
  it('answers when two of three hold the newest version', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('b', v1);
    assert.deepEqual(core.step(), { kind: 'answer', record: r1 });
  });

  it('answers absent when nobody asked holds anything', () => {
    const core = asked('QUORUM');
    core.addHeld('a', undefined);
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('c', undefined);
    assert.deepEqual(core.step(), { kind: 'answer', record: undefined });
  });

  it('answers a tombstone as it answers a value', () => {
    const core = asked('QUORUM');
    const tombstone = { version: v2, value: undefined };
    core.addHeld('a', v2, tombstone);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: tombstone });
  });

  it('spreads a version that one replica holds before it answers', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v2, r2);
    core.addHeld('b', v1);
    assert.deepEqual(writeBack(core), ['b', 'c']);
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: r2 });
  });

  it('spreads to replicas that hold nothing', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', undefined);
    assert.deepEqual(writeBack(core), ['b', 'c']);
  });

  it('counts holders of exactly v: one that moved on makes its version the one to spread', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', undefined);
    writeBack(core);
    // "At least v1" would count b here and answer v1 with a single holder.
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'b' });
    core.markFetching('b');
    core.addHeld('b', v2, r2);
    assert.deepEqual(writeBack(core), ['a', 'c']);
    core.addHeld('c', v1);
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('a', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: r2 });
  });

  it('fetches the value from a replica that holds the newest version', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'b' });
    core.markFetching('b');
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('b', v2, r2);
    assert.deepEqual(writeBack(core), ['a', 'c']);
  });

  it('makes the newer version that a fetch brings the one to spread, with one holder', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v2);
    core.addHeld('b', v2);
    core.markFetching('a');
    core.addHeld('a', v3, r3);
    assert.deepEqual(writeBack(core), ['b', 'c']);
    core.addHeld('b', v3);
    assert.deepEqual(core.step(), { kind: 'answer', record: r3 });
  });

  it('fetches from another holder when one is gone', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', v2);
    core.addHeld('c', v2);
    core.markFetching('b');
    core.addFailure('b');
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'c' });
  });

  it('begins again with those that are left when the only holder is gone', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', v2);
    core.markFetching('b');
    core.addFailure('b');
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('c', v1);
    assert.deepEqual(core.step(), { kind: 'answer', record: r1 });
  });

  it('does not count a failed replica that answers after all', () => {
    const core = asked('QUORUM');
    core.addFailure('a');
    core.addHeld('b', v1, r1);
    core.addHeld('a', v1);
    assert.deepEqual(core.step(), { kind: 'wait' });
  });

  it('ends as soon as too few replicas are left to answer', () => {
    const core = asked('QUORUM');
    core.addFailure('a');
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addFailure('b');
    assert.deepEqual(core.step(), { kind: 'unreachable' });
  });

  it('ends as soon as too few replicas are left to hold the version', () => {
    const core = asked('QUORUM', 3, ['a', 'b']);
    core.addHeld('a', v2, r2);
    core.addHeld('b', v1);
    assert.deepEqual(writeBack(core), ['b']);
    core.addFailure('b');
    assert.deepEqual(core.step(), { kind: 'unreachable' });
  });

  it('asks one more for each failure when it asked only as many as it needs', () => {
    const core = new ReadCore(planOf('QUORUM'));
    core.markAsked('a');
    core.markAsked('b');
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addFailure('a');
    assert.deepEqual(core.step(), { kind: 'ask', node: 'c' });
  });

  it('takes an old answer that arrives late for what it is', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v2, r2);
    core.addHeld('a', v1, r1);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: r2 });
  });
});

describe('ReadCore at ALL', () => {
  it('answers only when all replicas hold the version', () => {
    const core = asked('ALL');
    core.addHeld('a', v2, r2);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'wait' });
    core.addHeld('c', v1);
    assert.deepEqual(writeBack(core), ['c']);
    core.addHeld('c', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: r2 });
  });

  it('ends with the first failure', () => {
    const core = asked('ALL');
    core.addFailure('c');
    assert.deepEqual(core.step(), { kind: 'unreachable' });
  });
});

describe('ReadCore at ONE and TWO', () => {
  it('answers with the newest of the first answers and spreads nothing', () => {
    const one = asked('ONE');
    one.addHeld('b', v1, r1);
    assert.deepEqual(one.step(), { kind: 'answer', record: r1 });
    const two = asked('TWO');
    two.addHeld('b', v1, r1);
    assert.deepEqual(two.step(), { kind: 'wait' });
    two.addHeld('c', v2, r2);
    assert.deepEqual(two.step(), { kind: 'answer', record: r2 });
  });
});

describe('ReadCore after the answer', () => {
  it('names the replicas that are stale and were not sent the newest version', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v2, r2);
    core.addHeld('b', v2);
    assert.deepEqual(core.stale(), []);
    core.addHeld('c', v1);
    assert.deepEqual(core.stale(), ['c']);
    core.markWrittenBack('c', v2);
    assert.deepEqual(core.stale(), []);
  });

  it('finds all others stale when a late answer is newer, and has to fetch its value', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v1, r1);
    core.addHeld('b', v1);
    core.addHeld('c', v3);
    assert.deepEqual(core.stale(), ['a', 'b']);
    assert.equal(core.newestRecord(), undefined);
    assert.equal(core.holderOfNewest(), 'c');
  });

  it('gives up a holder that answers the fetch without the version it had named', () => {
    const core = asked('QUORUM');
    core.addHeld('a', undefined);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'b' });
    core.markFetching('b');
    core.addFetched('b', undefined);
    assert.deepEqual(core.step(), { kind: 'wait' }, 'for the answer of the third');
    core.addHeld('c', undefined);
    assert.deepEqual(core.step(), { kind: 'answer', record: undefined });
  });

  it('goes on with what is left when the only holder of the newest version fails', () => {
    const core = asked('QUORUM');
    core.addHeld('a', v2, r2);
    core.addHeld('b', v1);
    for (const node of ['b', 'c']) core.markWrittenBack(node, v2);
    core.addHeld('c', v3);
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'c' });
    core.markFetching('c');
    core.addFetched('c', v3, r3);
    core.addFailure('c');
    assert.deepEqual(core.step(), { kind: 'fetch', node: 'a' });
    core.markFetching('a');
    core.addFetched('a', v2, r2);
    core.addHeld('b', v2);
    assert.deepEqual(core.step(), { kind: 'answer', record: r2 });
  });
});
