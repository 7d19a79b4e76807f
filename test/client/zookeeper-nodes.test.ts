/** What a client learns from ZooKeeper, on the fake server: the nodes, or one sentence. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { ZookeeperNodes } from '../../src/client/zookeeper-nodes.ts';
import { encodeStatus } from '../../src/membership/zookeeper/cluster-status.ts';
import { encodeMember } from '../../src/membership/zookeeper/member-record.ts';
import type { NodeAddress } from '../../src/ring/node-address.ts';
import { bytes, ZookeeperFixture } from '../membership/zookeeper-fixture.ts';
import { SeededRandom } from '../support/simulated-time.ts';

const root = '/quorate';
const ready = encodeStatus({ state: 'READY', term: 1, leader: 'replica0' });
const memberOf = (port: number) => encodeMember({ host: '127.0.0.1', port, incarnation: 1n });
const members = { replica1: memberOf(9091), replica0: memberOf(9090) };

interface Znodes {
  readonly status?: Uint8Array;
  readonly members?: Readonly<Record<string, Uint8Array>>;
}

/** A fake ZooKeeper that holds what nodes, or others, have written. */
async function zookeeperWith({ status, members: written = {} }: Znodes) {
  const fixture = new ZookeeperFixture();
  const { session } = await fixture.open({ root });
  const writing = async () => {
    await session.ensure('/members');
    if (status !== undefined) await session.createPersistent('/status', status);
    for (const [name, data] of Object.entries(written)) {
      await session.createEphemeral(`/members/${name}`, data);
    }
  };
  await fixture.settle(writing());
  return fixture;
}

function nodesOf({ clock, connect }: ZookeeperFixture, ports = [1]): ZookeeperNodes {
  const servers = ports.map((port) => ({ host: 'fake', port }));
  const components = { clock, connect, random: new SeededRandom(1) };
  return new ZookeeperNodes(components, { servers, root });
}

type Outcome =
  | { readonly nodes: readonly NodeAddress[] }
  | { readonly code: string; readonly missing: unknown; readonly message: string };

async function outcomeOf(listing: Promise<readonly NodeAddress[]>): Promise<Outcome> {
  try {
    return { nodes: await listing };
  } catch (thrown: unknown) {
    const error = QuorateError.from(thrown);
    const { code, message, retryable, mayHaveApplied } = error;
    assert.deepEqual({ retryable, mayHaveApplied }, { retryable: true, mayHaveApplied: false });
    return { code, missing: error.details['missing'], message };
  }
}

const list = (fixture: ZookeeperFixture, timeoutMs = 2_000) =>
  fixture.settle(outcomeOf(nodesOf(fixture).list(timeoutMs)));

function assertMissing(outcome: Outcome, missing: string, message: RegExp): void {
  assert.ok('code' in outcome, 'it has listed nodes');
  assert.deepEqual([outcome.code, outcome.missing], ['NO_COORDINATOR', missing]);
  assert.match(outcome.message, message);
}

describe('the nodes in ZooKeeper', () => {
  it('are those registered, by name', async () => {
    const fixture = await zookeeperWith({ status: ready, members });
    assert.deepEqual(await list(fixture), {
      nodes: [
        { name: 'replica0', host: '127.0.0.1', port: 9090 },
        { name: 'replica1', host: '127.0.0.1', port: 9091 },
      ],
    });
  });

  it('are listed without those whose registration cannot be read', async () => {
    const garbage = {
      a: bytes('\xff\x00{'),
      b: bytes('null'),
      c: bytes('{"host":"","port":1,"incarnation":"1"}'),
      d: bytes('{"host":"h","port":70000,"incarnation":"1"}'),
      e: bytes(''),
    };
    const fixture = await zookeeperWith({ status: ready, members: { ...garbage, ...members } });
    const outcome = await list(fixture);
    assert.ok('nodes' in outcome);
    assert.deepEqual(
      outcome.nodes.map(({ name }) => name),
      ['replica0', 'replica1'],
    );
    const onlyGarbage = await zookeeperWith({ status: ready, members: garbage });
    assertMissing(await list(onlyGarbage), 'nodes', /start its nodes$/);
  });

  it('are read in a session that makes no znode and is closed', async () => {
    const fixture = await zookeeperWith({ status: ready, members });
    const { requests } = fixture.zookeeper;
    requests.clear();
    const open = fixture.zookeeper.sessionIds;
    await list(fixture);
    const writes = ['create', 'set', 'delete', 'multi'] as const;
    assert.deepEqual(
      writes.filter((kind) => requests.has(kind)),
      [],
    );
    assert.equal(requests.get('connect'), 1);
    assert.deepEqual(fixture.zookeeper.sessionIds, open);
    assert.equal(fixture.zookeeper.connectionCount, 1);
  });

  it('are not there without the root, which stays missing', async () => {
    const fixture = new ZookeeperFixture();
    const sentence = /has no cluster at \/quorate: start its nodes/;
    assertMissing(await list(fixture), 'root', sentence);
    assertMissing(await list(fixture), 'root', sentence);
    assert.equal(fixture.clock.timerCount, 0);
  });

  it('are not there while no node is registered', async () => {
    assertMissing(
      await list(await zookeeperWith({ status: ready })),
      'nodes',
      /no registered node/,
    );
    assertMissing(await list(await zookeeperWith({})), 'nodes', /no registered node/);
  });

  it('are not there before the cluster is ready', async () => {
    const initializing = encodeStatus({ state: 'INITIALIZING', term: 1, leader: 'replica0' });
    const started = await zookeeperWith({ status: initializing, members });
    assertMissing(await list(started), 'status', /it is INITIALIZING: wait/);
    assertMissing(await list(await zookeeperWith({ members })), 'status', /without a status: wait/);
    const garbage = await zookeeperWith({ status: bytes('READY'), members });
    assertMissing(await list(garbage), 'status', /without a status: wait/);
  });

  it('are given up in time when ZooKeeper is down, mute or stopped', async () => {
    for (const state of ['down', 'mute', 'paused'] as const) {
      const fixture = await zookeeperWith({ status: ready, members });
      await fixture.settle(Promise.all(fixture.sessions.map((session) => session.stop())));
      fixture.zookeeper.state = state;
      const startMs = fixture.clock.monotonicMs();
      assertMissing(await list(fixture), 'zookeeper', /no ZooKeeper answers at fake:1: is it/);
      assert.ok(fixture.clock.monotonicMs() - startMs <= 2_000, state);
      assert.equal(fixture.clock.timerCount, 0, state);
    }
  });

  it('are given up a second after their time when ZooKeeper falls silent in between', async () => {
    const fixture = await zookeeperWith({ status: ready, members });
    await fixture.settle(Promise.all(fixture.sessions.map((session) => session.stop())));
    const startMs = fixture.clock.monotonicMs();
    fixture.zookeeper.delayMs = 10;
    const outcome = outcomeOf(nodesOf(fixture).list(2_000));
    await fixture.time.until(() => fixture.zookeeper.requests.get('connect') === 2);
    await fixture.time.advance(15);
    fixture.zookeeper.state = 'mute';
    assertMissing(await fixture.settle(outcome), 'zookeeper', /no ZooKeeper answers/);
    assert.ok(fixture.clock.monotonicMs() - startMs <= 3_000);
    assert.equal(fixture.clock.timerCount, 0);
  });

  it('are told by another server when one is mute', async () => {
    for (const ports of [
      [1, 2],
      [2, 1],
    ]) {
      const fixture = await zookeeperWith({ status: ready, members });
      const other = fixture.addServer(2);
      other.shareWith(fixture.zookeeper);
      fixture.zookeeper.state = 'mute';
      const listing = outcomeOf(nodesOf(fixture, ports).list(2_000));
      assert.ok('nodes' in (await fixture.settle(listing)));
    }
  });

  it('are read again after an answer was lost', async () => {
    const fixture = await zookeeperWith({ status: ready, members });
    fixture.zookeeper.plant('children', 'drop');
    assert.ok('nodes' in (await list(fixture)));
  });

  it('are not told to whom an access list keeps out', async () => {
    const fixture = await zookeeperWith({ status: ready, members });
    fixture.zookeeper.plant('get', -102);
    assertMissing(await list(fixture), 'zookeeper', /access list/);
  });
});
