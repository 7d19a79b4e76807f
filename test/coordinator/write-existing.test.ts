import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { Value } from '../../src/record/versioned-value.ts';
import { numberKey, versionAt } from '../record/samples.ts';
import { settlePromises } from '../support/simulated-time.ts';
import { ScriptedReplicas } from './scripted-replicas.ts';

describe('a write that was made before', () => {
  const version = versionAt(-5_000, 'elsewhere');
  let replicas: ScriptedReplicas;
  let outcome: unknown;

  beforeEach(() => {
    replicas = new ScriptedReplicas();
  });

  const bringBack = (value: Value | undefined) => {
    const common = { key: numberKey(0), level: 'QUORUM', timeoutMs: 1_000 } as const;
    outcome = undefined;
    replicas.coordinator.write({ ...common, isExplained: false, value, version }).then(
      (result) => {
        outcome = result.version;
      },
      (error: unknown) => {
        const { code, details } = QuorateError.from(error);
        outcome = [code, ...[details['reason'] ?? []].flat()].join(' ');
      },
    );
    return replicas.take();
  };

  for (const value of [
    undefined,
    { kind: 'text', bytes: encodeText('hello'), expireTimeMs: 7 } as const,
  ]) {
    it(`goes to all replicas as it was, ${value === undefined ? 'a tombstone' : 'a value'}`, async () => {
      const stores = bringBack(value);
      assert.deepEqual(
        stores.map(({ node, request }) => [node, request]),
        ['a', 'b', 'c'].map((node) => [
          node,
          { operation: 'spread', key: numberKey(0), record: { version, value } },
        ]),
      );
      stores[0]?.reply(replicas.holds(version));
      await settlePromises();
      assert.equal(outcome, undefined);
      stores[1]?.reply(replicas.holds(versionAt(-1)));
      await settlePromises();
      assert.deepEqual(outcome, version);
    });
  }

  it('is kept as a hint for a replica that is down', async () => {
    replicas.readable.delete('c');
    replicas.writable.delete('c');
    for (const { reply } of bringBack(undefined)) reply(replicas.holds(version));
    await settlePromises();
    assert.deepEqual(outcome, version);
    assert.deepEqual(replicas.hints, [['c', { version, value: undefined }]]);
  });

  it('fails for good below the floor of its replicas, and says so', async () => {
    for (const { reply } of bringBack(undefined)) {
      reply({ outcome: 'refused', reason: 'below-floor' });
    }
    await settlePromises();
    assert.equal(outcome, 'REPLICA_FAILURE below-floor');
    assert.deepEqual(replicas.hints, []);
  });

  it('waits until the token is kept durably as one that is written', () => {
    replicas.isCovering = false;
    assert.deepEqual(bringBack(undefined), []);
    replicas.uncovered[0]?.(true);
    assert.equal(replicas.take().length, 3);
  });

  it('is refused while too few replicas take stores', async () => {
    for (const node of ['b', 'c']) {
      replicas.readable.delete(node);
      replicas.writable.delete(node);
    }
    assert.deepEqual(bringBack(undefined), []);
    await settlePromises();
    assert.equal(outcome, 'NOT_ENOUGH_REPLICAS');
  });
});
