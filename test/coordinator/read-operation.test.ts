import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import type { ReplicaReply } from '../../src/record/replica-messages.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { settlePromises } from '../support/simulated-time.ts';
import { type Asked, ScriptedReplicas } from './scripted-replicas.ts';

const [v1, v2] = [versionAt(1), versionAt(2)];
const [r1, r2] = [textRecord(v1, 'one'), textRecord(v2, 'two')];
const broken: ReplicaReply = { outcome: 'unknown', reason: 'link-broken' };

function shown(asked: readonly Asked[]): readonly string[] {
  return asked.map(({ node, request }) => `${node} ${request.operation}`);
}

describe('a get', () => {
  let replicas: ScriptedReplicas;
  let outcome: { record?: VersionedValue | undefined; error?: QuorateError } | undefined;
  let cancel: () => void;

  beforeEach(() => {
    replicas = new ScriptedReplicas();
  });

  const get = (level: ConsistencyLevel = 'QUORUM', mode?: RepairMode) => {
    if (mode !== undefined) replicas = new ScriptedReplicas(mode);
    outcome = undefined;
    const onCancel = (stop: () => void) => {
      cancel = stop;
    };
    const request = { key: numberKey(0), level, timeoutMs: 1_000, isExplained: false, onCancel };
    replicas.coordinator.get(request).then(
      ({ record }) => {
        outcome = { record };
      },
      (error: unknown) => {
        outcome = { error: QuorateError.from(error) };
      },
    );
    return replicas.take();
  };
  const holding = (record: VersionedValue, hasValue = false): ReplicaReply => {
    const clockMs = replicas.host.realtimeMs();
    return {
      outcome: 'ok',
      version: record.version,
      record: hasValue ? record : undefined,
      clockMs,
    };
  };

  it('at QUORUM takes the value from the nearest and versions from as many as it needs', async () => {
    const asked = get('QUORUM', 'HINTED-HANDOFF');
    assert.deepEqual(shown(asked), ['a read-value', 'b read-version']);
    asked[0]?.reply(holding(r1, true));
    asked[1]?.reply(holding(r1));
    await settlePromises();
    assert.deepEqual(outcome, { record: r1 });
    assert.deepEqual(replicas.take(), []);
  });

  it('asks all live replicas in a mode that repairs reads, at every level', () => {
    const all = ['a read-value', 'b read-version', 'c read-version'];
    for (const mode of ['READ-REPAIR', 'BOTH'] as const) {
      for (const level of ['ONE', 'QUORUM'] as const)
        assert.deepEqual(shown(get(level, mode)), all);
    }
    assert.deepEqual(shown(get('ONE', 'NONE')), ['a read-value']);
  });

  it('asks one more whenever an answer is slow', async () => {
    get('QUORUM', 'NONE');
    await replicas.time.advance(49);
    assert.deepEqual(replicas.take(), []);
    await replicas.time.advance(1);
    assert.deepEqual(shown(replicas.take()), ['c read-version']);
    await replicas.time.advance(500);
    assert.deepEqual(replicas.take(), []);
  });

  it('writes the newest version back before it answers, and no flag turns that off', async () => {
    for (const mode of ['READ-REPAIR', 'HINTED-HANDOFF', 'BOTH', 'NONE'] as const) {
      const asked = get('QUORUM', mode);
      asked[0]?.reply(holding(r2, true));
      asked[1]?.reply(holding(r1));
      await settlePromises();
      assert.equal(outcome, undefined, mode);
      const spreads = replicas.take();
      assert.deepEqual(shown(spreads), ['b spread', 'c spread']);
      const [first] = spreads;
      assert.ok(first?.request.operation === 'spread');
      assert.deepEqual(first.request.record, r2);
      first.reply(holding(r2));
      await settlePromises();
      assert.deepEqual(outcome, { record: r2 });
    }
  });

  it('times out with the numbers behind it when too few answer', async () => {
    get()[0]?.reply(holding(r1, true));
    await replicas.time.advance(1_000);
    assert.equal(outcome?.error?.code, 'READ_TIMEOUT');
    assert.deepEqual(
      [outcome.error.details['required'], outcome.error.details['received']],
      [2, 1],
    );
  });

  it('ends at once when too few replicas are left', async () => {
    const asked = get('ALL');
    asked[2]?.reply(broken);
    await settlePromises();
    assert.equal(outcome?.error?.code, 'REPLICA_FAILURE');
  });

  it('ends when its caller is gone', async () => {
    get();
    cancel();
    await settlePromises();
    assert.equal(outcome?.error?.code, 'CANCELLED');
    await replicas.time.advance(1_000);
    assert.deepEqual(replicas.take(), []);
  });

  it('heals a replica that answers stale after the answer, and one that never answers', async () => {
    const asked = get('QUORUM', 'READ-REPAIR');
    asked[0]?.reply(holding(r2, true));
    asked[1]?.reply(holding(r2));
    await settlePromises();
    assert.deepEqual(outcome, { record: r2 });
    assert.deepEqual(replicas.take(), []);
    asked[2]?.reply(holding(r1));
    assert.deepEqual(shown(replicas.take()), ['c spread']);

    const silent = get('QUORUM', 'READ-REPAIR');
    silent[0]?.reply(holding(r2, true));
    silent[1]?.reply(holding(r2));
    await replicas.time.advance(999);
    assert.deepEqual(replicas.take(), []);
    await replicas.time.advance(1);
    assert.deepEqual(shown(replicas.take()), ['c spread']);
  });

  it('heals with a newer version that a late answer brings, after fetching it', () => {
    const asked = get('ONE', 'READ-REPAIR');
    asked[0]?.reply(holding(r1, true));
    asked[2]?.reply(holding(r2));
    const [fetch] = replicas.take();
    assert.ok(fetch);
    assert.deepEqual(shown([fetch]), ['c read-value']);
    fetch.reply(holding(r2, true));
    assert.deepEqual(shown(replicas.take()), ['a spread']);
  });

  it('heals nothing in the other modes', async () => {
    const asked = get('ONE', 'HINTED-HANDOFF');
    await replicas.time.advance(50);
    const [second] = replicas.take();
    asked[0]?.reply(holding(r2, true));
    second?.reply(holding(r1));
    await replicas.time.advance(2_000);
    assert.deepEqual(replicas.take(), []);
  });
});
