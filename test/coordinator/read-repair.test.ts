import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ReplicaDirectory } from '../../src/coordinator/ports.ts';
import { type ReadFinding, ReadRepair } from '../../src/coordinator/read-repair.ts';
import {
  type ReplicaReply,
  refused,
  type VersionDifference,
} from '../../src/record/replica-messages.ts';
import { floorVersion } from '../../src/record/version.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import type { Asked } from './scripted-replicas.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];
const [r2, r3] = [textRecord(v2, 'two'), textRecord(v3, 'three')];
const readable = ['a', 'b', 'c'];

describe('read repair', () => {
  let time: SimulatedTime;
  let asked: Asked[];
  let isWritable: boolean;
  let repair: ReadRepair;

  beforeEach(() => {
    time = new SimulatedTime();
    asked = [];
    isWritable = true;
    const replicas: ReplicaDirectory = {
      servesReads: () => true,
      takesWrites: () => isWritable,
      distanceMs: () => 0,
      clientOf: (node) => ({
        hasRoom: () => true,
        send: (request, _deadlineMs, reply) => asked.push({ node, request, reply }),
      }),
    };
    repair = new ReadRepair({ clock: new SimulatedHost(time), replicas });
  });

  /** A read of a key found r2 at a, and did not hear c. */
  const found = (key = 7, change: Partial<ReadFinding> = {}) =>
    repair.heal({
      key: numberKey(key),
      newest: r2,
      holder: 'a',
      stale: [],
      unheard: ['c'],
      readable,
      ...change,
    });
  const take = () => asked.splice(0);
  const takeOne = (node: string, operation: string): Asked => {
    const [only, ...others] = take();
    assert.ok(only);
    assert.deepEqual([only.node, only.request.operation], [node, operation]);
    assert.deepEqual(others, []);
    return only;
  };
  const shown = () => take().map(({ node, request }) => `${node} ${request.operation}`);
  const compared = (...differences: readonly VersionDifference[]): ReplicaReply => {
    return { outcome: 'compared', differences };
  };
  const ok = (record: VersionedValue | undefined): ReplicaReply => {
    return { outcome: 'ok', version: record?.version, record, clockMs: 0 };
  };

  it('compares all keys of 5 ms with a replica in one message, and is silent where nothing differs', async () => {
    for (const key of [1, 2, 3]) found(key);
    await time.advance(4);
    assert.deepEqual(take(), []);
    await time.advance(1);
    const { request, reply } = takeOne('c', 'compare');
    assert.ok(request.operation === 'compare');
    assert.deepEqual(
      request.compared.map(({ key, version }) => [key[0], version]),
      [1, 2, 3].map((key) => [key, v2]),
    );
    reply(compared());
    await time.advance(10_000);
    assert.deepEqual(take(), []);
  });

  it('does not wait when there is enough for a message', () => {
    for (let key = 0; key < 255; key++) found(key);
    assert.deepEqual(take(), []);
    found(255);
    takeOne('c', 'compare');
  });

  it('brings a replica that is behind the record of the one that has it', async () => {
    found(1);
    found(2);
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 1, version: v1 }));
    const fetch = takeOne('a', 'read-value');
    assert.ok('key' in fetch.request);
    assert.deepEqual(fetch.request.key, numberKey(2));
    fetch.reply(ok(r2));
    const { request } = takeOne('c', 'spread');
    assert.ok(request.operation === 'spread');
    assert.deepEqual([request.key, request.record], [numberKey(2), r2]);
  });

  it('brings nothing that its holder has lost meanwhile', async () => {
    found();
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 0, version: undefined }));
    takeOne('a', 'read-value').reply(ok(undefined));
    assert.deepEqual(take(), []);
  });

  it('compares the others with a replica that is ahead, and heals them from it', async () => {
    found();
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 0, version: v3 }));
    await time.advance(5);
    const [toA, toB, ...rest] = take();
    assert.ok(toA && toB && rest.length === 0);
    for (const { request } of [toA, toB]) {
      assert.ok(request.operation === 'compare');
      assert.deepEqual(
        request.compared.map(({ version }) => version),
        [v3],
      );
    }
    assert.deepEqual([toA.node, toB.node], ['a', 'b']);
    toB.reply(compared());
    toA.reply(compared({ index: 0, version: v2 }));
    takeOne('c', 'read-value').reply(ok(r3));
    takeOne('a', 'spread');
  });

  it('finds what a read that found nothing has missed', async () => {
    found(7, { newest: undefined, holder: undefined });
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 0, version: v3 }));
    await time.advance(5);
    assert.deepEqual(shown(), ['a compare', 'b compare']);
  });

  it('brings a floor without fetching it, since there is no record of it', async () => {
    const version = floorVersion(9n);
    assert.ok(version);
    found(7, { newest: { version, value: undefined } });
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 0, version: undefined }));
    const { request } = takeOne('c', 'spread');
    assert.ok(request.operation === 'spread');
    assert.deepEqual(request.record, { version, value: undefined });
  });

  it('brings what was read to those that answered an older version, at once', () => {
    found(7, { stale: ['b'], unheard: [] });
    const { request } = takeOne('b', 'spread');
    assert.ok(request.operation === 'spread');
    assert.deepEqual(request.record, r2);
    isWritable = false;
    found(7, { stale: ['b'], unheard: [] });
    assert.deepEqual(take(), []);
  });

  it('leaves out what is over its budget: 256 records at once, 4,096 keys compared with one replica', async () => {
    for (let index = 0; index < 300; index++) found(7, { stale: ['b'], unheard: [] });
    const spreads = take();
    assert.equal(spreads.length, 256);
    spreads[0]?.reply(ok(r2));
    found(7, { stale: ['b'], unheard: [] });
    assert.equal(take().length, 1);

    for (let index = 0; index < 5_000; index++) {
      found(index % 256, { newest: textRecord(versionAt(index)) });
    }
    await time.advance(5);
    const comparisons = take();
    const keys = comparisons.map(({ request }) => 'compared' in request && request.compared.length);
    assert.deepEqual(
      keys,
      Array.from({ length: 16 }, () => 256),
    );
    for (const { reply } of comparisons) reply(refused('not-sent'));
    found();
    await time.advance(5);
    takeOne('c', 'compare');
  });

  it('compares a key with the same version again only after a second', async () => {
    const isCompared = async (change: Partial<ReadFinding> = {}) => {
      found(7, change);
      await time.advance(5);
      const requests = take();
      for (const { reply } of requests) reply(compared());
      return requests.length > 0;
    };
    assert.ok(await isCompared());
    for (let ms = 0; ms < 900; ms += 5) assert.ok(!(await isCompared()));
    assert.ok(await isCompared({ newest: r3 }), 'a newer version is compared at once');
    assert.ok(await isCompared({ unheard: ['b'] }), 'another replica is another matter');
    let againMs = 900;
    for (; !(await isCompared({ newest: r3 })); againMs += 5);
    assert.ok(againMs >= 1_000 && againMs <= 3_000, `after ${againMs} ms`);
  });

  it('compares at once again where it found a difference, had no answer, or the replica came back', async () => {
    const compareOnce = async () => {
      found();
      await time.advance(5);
      return takeOne('c', 'compare').reply;
    };
    (await compareOnce())(compared({ index: 0, version: v1 }));
    takeOne('a', 'read-value').reply(refused('not-sent'));
    (await compareOnce())({ outcome: 'unknown', reason: 'link-broken' });
    (await compareOnce())(compared());
    repair.forget('c');
    (await compareOnce())(compared());
  });

  it('ignores a difference of a key that was not compared', async () => {
    found();
    await time.advance(5);
    takeOne('c', 'compare').reply(compared({ index: 9, version: v1 }));
    assert.deepEqual(take(), []);
  });
});
