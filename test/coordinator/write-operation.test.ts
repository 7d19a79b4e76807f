import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { ReplicaReply } from '../../src/record/replica-messages.ts';
import { clockAtMs, compareVersions, type Version } from '../../src/record/version.ts';
import { numberKey } from '../record/samples.ts';
import { settlePromises } from '../support/simulated-time.ts';
import { type Asked, ScriptedReplicas } from './scripted-replicas.ts';

const refused: ReplicaReply = { outcome: 'refused', reason: 'not-sent' };
const unknown: ReplicaReply = { outcome: 'unknown', reason: 'link-broken' };

describe('a put', () => {
  let replicas: ScriptedReplicas;
  let outcome: { version?: Version; error?: QuorateError };

  beforeEach(() => {
    replicas = new ScriptedReplicas();
  });

  const put = (level: ConsistencyLevel = 'QUORUM') => {
    const value = { kind: 'text', bytes: encodeText('hello') } as const;
    const request = { key: numberKey(0), level, timeoutMs: 1_000, isExplained: false, value };
    outcome = {};
    replicas.coordinator.write(request).then(
      ({ version }) => {
        outcome.version = version;
      },
      (error: unknown) => {
        outcome.error = QuorateError.from(error);
      },
    );
    return replicas.take();
  };
  const versionIn = (stores: readonly Asked[]) => {
    const [first] = stores;
    assert.ok(first?.request.operation === 'store');
    return first.request.record.version;
  };
  const nodes = (asked: readonly Asked[]) => asked.map(({ node }) => node);
  const hinted = () => replicas.hints.map(([target]) => target);
  /** Puts at QUORUM, answers the queries, and gives the stores. */
  const putUntilStores = () => {
    for (const { reply } of put().slice(0, 2)) reply(replicas.holds(undefined));
    return replicas.take();
  };
  const failed = async () => {
    await settlePromises();
    assert.ok(outcome.error);
    return outcome.error;
  };

  it('asks all live replicas for their newest clock, and stores under a greater one in all', async () => {
    const queries = put();
    assert.deepEqual(nodes(queries), ['a', 'b', 'c']);
    assert.deepEqual(
      new Set(queries.map(({ request }) => request.operation)),
      new Set(['query-clock']),
    );
    const seen = { clock: clockAtMs(replicas.host.realtimeMs() + 400), node: 'z' };
    queries[0]?.reply(replicas.holds(undefined));
    assert.deepEqual(replicas.take(), []);
    queries[1]?.reply(replicas.holds(seen));
    const stores = replicas.take();
    assert.deepEqual(nodes(stores), ['a', 'b', 'c']);
    const version = versionIn(stores);
    assert.ok(compareVersions(version, seen) > 0);
    stores[2]?.reply(replicas.holds(version));
    stores[1]?.reply(replicas.holds(version));
    await settlePromises();
    assert.deepEqual(outcome, { version });
  });

  it('asks a replica that names no clock for the version of the key', async () => {
    const [own, second, third] = put();
    const notNow: ReplicaReply = { outcome: 'refused', reason: 'not-now' };
    for (const asked of [own, second]) asked?.reply(notNow);
    const queries = replicas.take();
    assert.deepEqual(nodes(queries), ['a', 'b']);
    const query = { operation: 'query-version', key: numberKey(0) };
    for (const { request } of queries) assert.deepEqual(request, query);
    queries[0]?.reply(replicas.holds(undefined));
    const seen = { clock: clockAtMs(replicas.host.realtimeMs() + 400), node: 'z' };
    queries[1]?.reply(replicas.holds(seen));
    assert.ok(compareVersions(versionIn(replicas.take()), seen) > 0);
    third?.reply(notNow);
    assert.deepEqual(replicas.take(), []);
  });

  it('sends nothing and hints nothing with too few live replicas', async () => {
    replicas.setLive('b', false);
    replicas.setLive('c', false);
    assert.deepEqual(put(), []);
    const error = await failed();
    assert.equal(error.code, 'NOT_ENOUGH_REPLICAS');
    assert.equal(error.details['alive'], 1);
    assert.equal(error.mayHaveApplied, false);
    await replicas.time.advance(2_000);
    assert.deepEqual(hinted(), []);
  });

  it('has certainly not happened at a node that is not ready', async () => {
    replicas.coordinator.accept(false);
    assert.deepEqual(put(), []);
    const error = await failed();
    assert.equal(error.code, 'NODE_NOT_READY');
    assert.equal(error.details['mayHaveApplied'], false);
  });

  it('stores nothing after the deadline, and has certainly not happened', async () => {
    const queries = put();
    queries[0]?.reply(replicas.holds(undefined));
    await replicas.time.advance(1_000);
    const error = await failed();
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, false);
    queries[1]?.reply(replicas.holds(undefined));
    assert.deepEqual(replicas.take(), []);
    assert.deepEqual(hinted(), []);
  });

  it('stores nothing when its process was paused past the deadline', async () => {
    const queries = put();
    queries[0]?.reply(replicas.holds(undefined));
    replicas.host.pause();
    await replicas.time.advance(1_500);
    // The answer is read before the timer runs.
    queries[1]?.reply(replicas.holds(undefined));
    assert.deepEqual(replicas.take(), []);
    const error = await failed();
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, false);
  });

  it('stores nothing when its clock is over 250 ms ahead of all that answered', async () => {
    for (const [behindMs, code] of [
      [251, 'CLOCK_SKEW'],
      [250, undefined],
    ] as const) {
      const queries = put();
      for (const { node, reply } of queries) {
        reply(replicas.holds(undefined, node === 'a' ? 0 : behindMs));
      }
      await settlePromises();
      assert.equal(outcome.error?.code, code);
      assert.equal(replicas.take().length, code === undefined ? 3 : 0);
    }
  });

  it('waits for the others when the first that answered is over 250 ms behind', async () => {
    const [own, behind, other] = put();
    own?.reply(replicas.holds(undefined));
    behind?.reply(replicas.holds(undefined, 600));
    assert.deepEqual(replicas.take(), []);
    other?.reply(replicas.holds(undefined));
    assert.deepEqual(nodes(replicas.take()), ['a', 'b', 'c']);
  });

  it('is refused for its clock when the others that it waits for say nothing', async () => {
    const [own, behind] = put();
    own?.reply(replicas.holds(undefined));
    behind?.reply(replicas.holds(undefined, 600));
    await replicas.time.advance(1_000);
    const error = await failed();
    assert.equal(error.code, 'CLOCK_SKEW');
    assert.equal(error.mayHaveApplied, false);
    assert.deepEqual(replicas.take(), []);
  });

  it('stores nothing when it would need a version over 500 ms ahead of its clock', async () => {
    const ahead = { clock: clockAtMs(replicas.host.realtimeMs() + 501), node: 'z' };
    for (const { reply } of put()) reply(replicas.holds(ahead));
    const error = await failed();
    assert.equal(error.code, 'CLOCK_SKEW');
    assert.equal(error.mayHaveApplied, false);
    assert.deepEqual(replicas.take(), []);
  });

  it('at ONE goes by the clock, and not before clocks were compared', async () => {
    const [store] = put('ONE');
    assert.equal(store?.request.operation, 'store');
    replicas.host.skewMs = 60;
    assert.deepEqual(put('ONE'), []);
    assert.equal((await failed()).code, 'CLOCK_SKEW');
    assert.equal(put('QUORUM').length, 3);
  });

  it('is not coordinated at any level by a node whose clock is apart', async () => {
    for (const node of ['b', 'c']) replicas.compareClocks(node, -300);
    for (const level of ['ONE', 'QUORUM', 'ALL'] as const) {
      assert.deepEqual(put(level), []);
      assert.equal((await failed()).code, 'CLOCK_SKEW');
    }
  });

  it('is refused before anything is sent when too few queues have room', async () => {
    replicas.full.add('b');
    replicas.full.add('c');
    assert.deepEqual(put(), []);
    const error = await failed();
    assert.equal(error.code, 'OVERLOADED');
    assert.equal(error.mayHaveApplied, false);
  });

  it('is refused before a store is sent when the queues have filled meanwhile', async () => {
    const queries = put();
    replicas.full.add('b');
    replicas.full.add('c');
    for (const { reply } of queries) reply(replicas.holds(undefined));
    assert.equal((await failed()).code, 'OVERLOADED');
    assert.deepEqual(replicas.take(), []);
    assert.deepEqual(hinted(), []);
  });

  it('is hinted for whoever was down at once, and for the silent at the deadline', async () => {
    replicas.setLive('c', false);
    const stores = put('ONE');
    const version = versionIn(stores);
    stores[0]?.reply(replicas.holds(version));
    assert.deepEqual(hinted(), ['c']);
    stores[1]?.reply(replicas.holds(version));
    assert.deepEqual(hinted(), ['c']);

    replicas.hints.length = 0;
    replicas.setLive('c', true);
    const more = putUntilStores();
    for (const { reply } of more.slice(0, 2)) reply(replicas.holds(versionIn(more)));
    await replicas.time.advance(999);
    assert.deepEqual(hinted(), []);
    await replicas.time.advance(1);
    assert.deepEqual(
      replicas.hints.map(([target, record]) => [target, record.version]),
      [['c', versionIn(more)]],
    );
  });

  it('may have happened when a store was sent and too few answer in time, and is hinted', async () => {
    const stores = putUntilStores();
    stores[0]?.reply(replicas.holds(versionIn(stores)));
    await replicas.time.advance(1_000);
    const error = await failed();
    assert.equal(error.code, 'WRITE_TIMEOUT');
    assert.equal(error.mayHaveApplied, true);
    assert.deepEqual([error.details['required'], error.details['received']], [2, 1]);
    assert.deepEqual(hinted(), ['b', 'c']);
    // One request, one version: nothing is tried again.
    assert.deepEqual(replicas.take(), []);
  });

  it('has certainly not happened when all refused, and is not hinted', async () => {
    for (const { reply } of putUntilStores()) reply(refused);
    await settlePromises();
    await replicas.time.advance(1_000);
    assert.deepEqual(hinted(), []);
  });

  it('may have happened when one replica is unknown, and is hinted for all', async () => {
    const [first, second, third] = putUntilStores();
    first?.reply(refused);
    second?.reply(unknown);
    const error = await failed();
    assert.equal(error.code, 'REPLICA_FAILURE');
    assert.equal(error.mayHaveApplied, true);
    third?.reply(refused);
    assert.deepEqual(hinted(), ['a', 'b', 'c']);
  });

  it('is hinted by no mode but those that keep hints', async () => {
    replicas = new ScriptedReplicas('READ-REPAIR');
    const stores = putUntilStores();
    stores[0]?.reply(replicas.holds(versionIn(stores)));
    await replicas.time.advance(1_000);
    assert.deepEqual(hinted(), []);
  });

  it('is done when replicas acknowledge that they hold something newer', async () => {
    const stores = put('TWO');
    const newer = { clock: versionIn(stores).clock + 1n, node: 'z' };
    for (const { reply } of stores) reply(replicas.holds(newer));
    await settlePromises();
    assert.deepEqual(outcome, { version: versionIn(stores) });
    assert.deepEqual(hinted(), []);
  });

  it('sends no store before what a restart must know is durable', async () => {
    replicas.isCovering = false;
    const queries = put();
    for (const { reply } of queries) reply(replicas.holds(undefined));
    assert.deepEqual(replicas.take(), []);
    assert.equal(replicas.uncovered.length, 1, 'the third answer takes no second version');
    replicas.uncovered[0]?.(true);
    const stores = replicas.take();
    assert.deepEqual(nodes(stores), ['a', 'b', 'c']);
    for (const { reply } of stores) reply(replicas.holds(versionIn(stores)));
    await settlePromises();
    assert.deepEqual(outcome, { version: versionIn(stores) });
  });

  it('has certainly not happened when that came too late, or cannot be', async () => {
    for (const level of ['QUORUM', 'ONE'] as const) {
      replicas.isCovering = false;
      for (const { reply } of put(level)) reply(replicas.holds(undefined));
      await replicas.time.advance(1_000);
      const late = await failed();
      assert.equal(late.code, 'WRITE_TIMEOUT');
      assert.equal(late.mayHaveApplied, false);
      replicas.uncovered.shift()?.(true);
      assert.deepEqual(replicas.take(), [], 'nothing leaves after the deadline');
      for (const { reply } of put(level)) reply(replicas.holds(undefined));
      replicas.uncovered.shift()?.(false);
      const refused = await failed();
      assert.equal(refused.code, 'REPLICA_FAILURE');
      assert.equal(refused.mayHaveApplied, false);
      assert.deepEqual(replicas.take(), []);
    }
    assert.deepEqual(hinted(), []);
  });

  it('stores at a rebuilding replica, and does not ask it for its version', async () => {
    replicas.readable.delete('c');
    const queries = put();
    assert.deepEqual(nodes(queries), ['a', 'b']);
    for (const { reply } of queries) reply(replicas.holds(undefined));
    assert.deepEqual(nodes(replicas.take()), ['a', 'b', 'c']);
  });

  it('hints what a full disk misses, and says so when too many are full', async () => {
    replicas.writable.delete('c');
    const stores = putUntilStores();
    assert.deepEqual(nodes(stores), ['a', 'b']);
    for (const { reply } of stores) reply(replicas.holds(versionIn(stores)));
    await settlePromises();
    assert.deepEqual(hinted(), ['c']);
    replicas.writable.delete('b');
    assert.deepEqual(put(), []);
    const error = await failed();
    assert.equal(error.code, 'DISK_FULL');
    assert.equal(error.details['full'], 'b c');
    assert.equal(error.mayHaveApplied, false);
  });
});
