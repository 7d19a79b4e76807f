import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMember } from '../../src/membership/zookeeper/member-record.ts';
import { ZookeeperMembership } from '../../src/membership/zookeeper/zookeeper-membership.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { membershipConformance } from '../conformance/membership.ts';
import { sessionTimeoutMs, ZookeeperFixture } from './zookeeper-fixture.ts';

const nodes = ['replica0', 'replica1', 'replica2'];

/** A node of the ring on the fake server; its port tells it from others. */
function join(fixture: ZookeeperFixture, node: string, incarnation: bigint, port = 1) {
  const session = fixture.create().session;
  const own = { host: '127.0.0.1', port, incarnation };
  const membership = new ZookeeperMembership(
    { clock: fixture.clock, logger: silentLogger, session },
    { node, nodes, own, ringDigest: 'ring' },
  );
  const recovered: string[] = [];
  membership.onRecovered((name) => recovered.push(name));
  const started = membership.start(2_000);
  return { membership, session, recovered, started };
}

async function joinAll() {
  const fixture = new ZookeeperFixture();
  const members = nodes.map((node, index) => join(fixture, node, BigInt(index + 10), index));
  await fixture.time.advance(1_000);
  return { fixture, members };
}

membershipConformance('ZookeeperMembership without a server', async (names) => {
  const fixture = new ZookeeperFixture();
  const membership = new ZookeeperMembership(
    { clock: fixture.clock, logger: silentLogger, session: fixture.create().session },
    {
      node: names[0] ?? '',
      nodes: names,
      own: { host: 'h', port: 1, incarnation: 1n },
      ringDigest: 'ring',
    },
  );
  return { membership };
});

describe('ZookeeperMembership', () => {
  it('shows every registered node to every other, with its incarnation', async () => {
    const { members } = await joinAll();
    for (const { membership } of members) {
      const { state, registered, incarnations } = membership.view();
      assert.equal(state, 'connected');
      assert.deepEqual([...(registered ?? [])].sort(), nodes);
      assert.deepEqual([...incarnations.values()], [10n, 11n, 12n]);
    }
  });

  it('takes over its own former registration at once, and keeps it', async () => {
    const fixture = new ZookeeperFixture();
    const observer = join(fixture, 'replica0', 10n);
    // What a killed process leaves: a registration whose session lives on for a while.
    const { session } = await fixture.open();
    await fixture.settle(session.ensure('/members'));
    const old = { host: '127.0.0.1', port: 7, incarnation: 11n };
    await fixture.settle(session.createEphemeral('/members/replica1', encodeMember(old)));
    await fixture.time.advance(500);
    assert.equal(observer.membership.view().incarnations.get('replica1'), 11n);
    observer.recovered.length = 0;
    const again = join(fixture, 'replica1', 77n, 7);
    await fixture.time.advance(500);
    assert.deepEqual(observer.recovered, ['replica1']);
    assert.equal(observer.membership.view().incarnations.get('replica1'), 77n);
    await fixture.settle(session.stop());
    await fixture.time.advance(3 * sessionTimeoutMs);
    for (const { membership } of [observer, again]) {
      assert.equal(membership.view().registered?.has('replica1'), true);
    }
  });

  it('does not take the name of a process at another address', async () => {
    const { fixture, members } = await joinAll();
    join(fixture, 'replica1', 99n, 4_000);
    await fixture.time.advance(12_000);
    assert.equal(members[0]?.membership.view().incarnations.get('replica1'), 11n);
  });

  it('goes on with the last list while ZooKeeper is away, and is whole again after', async () => {
    const { fixture, members } = await joinAll();
    fixture.zookeeper.state = 'down';
    await fixture.time.advance(4 * sessionTimeoutMs);
    for (const { membership } of members) {
      assert.equal(membership.view().state, 'lost');
      assert.equal(membership.view().registered?.size, 3);
    }
    fixture.zookeeper.state = 'up';
    await fixture.time.advance(2 * sessionTimeoutMs);
    for (const { membership } of members) {
      assert.equal(membership.view().state, 'connected');
      assert.equal(membership.view().registered?.size, 3);
    }
  });

  it('settles its start without ZooKeeper, and registers when it comes', async () => {
    const fixture = new ZookeeperFixture();
    fixture.zookeeper.state = 'down';
    const { membership, started } = join(fixture, 'replica0', 5n);
    await fixture.time.settle(started);
    assert.notEqual(membership.view().state, 'connected');
    fixture.zookeeper.state = 'up';
    await fixture.time.advance(2 * sessionTimeoutMs);
    assert.deepEqual([...(membership.view().registered ?? [])], ['replica0']);
  });

  it('names the difference when the ring in ZooKeeper is another, and does not register', async () => {
    const { fixture, members } = await joinAll();
    const session = fixture.create().session;
    const other = new ZookeeperMembership(
      { clock: fixture.clock, logger: silentLogger, session },
      {
        node: 'replica1',
        nodes,
        own: { host: '127.0.0.1', port: 1, incarnation: 50n },
        ringDigest: 'another ring',
      },
    );
    await fixture.time.settle(other.start(2_000));
    assert.match(other.ringProblem ?? '', /is ring, this node has another ring/);
    assert.equal(members[0]?.membership.view().incarnations.get('replica1'), 11n);
  });
});
