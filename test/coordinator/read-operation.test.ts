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

const versions = [versionAt(1), versionAt(2)] as const;
const [v1, v2] = versions;
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
  /** Who is asked to compare which version, as text. */
  const comparisons = () =>
    replicas.take().flatMap(({ node, request }) => {
      assert.ok(request.operation === 'compare');
      return request.compared.map(
        ({ version }) => `${node} version ${versions.indexOf(version ?? v1) + 1}`,
      );
    });
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

  it('asks as many as the level needs in every mode, and one more whenever an answer is slow', async () => {
    for (const mode of ['READ-REPAIR', 'HINTED-HANDOFF', 'BOTH', 'NONE'] as const) {
      assert.deepEqual(shown(get('ONE', mode)), ['a read-value']);
      assert.deepEqual(shown(get('TWO', mode)), ['a read-value', 'b read-value']);
      assert.deepEqual(shown(get('QUORUM', mode)), ['a read-value', 'b read-version']);
      await replicas.time.advance(49);
      assert.deepEqual(replicas.take(), []);
      await replicas.time.advance(5);
      assert.deepEqual(shown(replicas.take()), ['c read-version']);
      await replicas.time.advance(500);
      assert.deepEqual(replicas.take(), []);
    }
  });

  it('asks one more the sooner, the sooner replicas answer', async () => {
    replicas = new ScriptedReplicas('NONE');
    for (let read = 0; read < 40; read++) {
      const asked = get('QUORUM');
      asked[0]?.reply(holding(r1, true));
      await replicas.time.advance(2);
      asked[1]?.reply(holding(r1));
      await settlePromises();
    }
    get('QUORUM');
    await replicas.time.advance(4);
    assert.deepEqual(replicas.take(), []);
    await replicas.time.advance(5);
    assert.deepEqual(shown(replicas.take()), ['c read-version']);
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

  it('compares the replicas that it did not need after the answer, where reads are repaired', async () => {
    for (const mode of ['READ-REPAIR', 'BOTH'] as const) {
      const asked = get('QUORUM', mode);
      asked[0]?.reply(holding(r2, true));
      asked[1]?.reply(holding(r2));
      await settlePromises();
      assert.deepEqual(outcome, { record: r2 });
      assert.deepEqual(replicas.take(), []);
      await replicas.time.advance(5);
      assert.deepEqual(comparisons(), ['c version 2']);
    }
  });

  it('compares a replica that is slow to answer as well', async () => {
    const asked = get('QUORUM', 'READ-REPAIR');
    asked[0]?.reply(holding(r1, true));
    await replicas.time.advance(54);
    const [third] = replicas.take();
    third?.reply(holding(r1));
    await replicas.time.advance(5);
    assert.deepEqual(comparisons(), ['b version 1']);
  });

  it('heals a replica that answered stale as soon as it has answered itself', async () => {
    const asked = get('TWO', 'READ-REPAIR');
    asked[0]?.reply(holding(r2, true));
    asked[1]?.reply(holding(r1, true));
    await settlePromises();
    assert.deepEqual(outcome, { record: r2 });
    assert.deepEqual(shown(replicas.take()), ['b spread']);
    await replicas.time.advance(5);
    assert.deepEqual(comparisons(), ['c version 2']);
  });

  it('heals nothing in the other modes', async () => {
    const asked = get('ONE', 'HINTED-HANDOFF');
    await replicas.time.advance(54);
    const [second] = replicas.take();
    asked[0]?.reply(holding(r2, true));
    second?.reply(holding(r1));
    await replicas.time.advance(2_000);
    assert.deepEqual(replicas.take(), []);
  });
});
