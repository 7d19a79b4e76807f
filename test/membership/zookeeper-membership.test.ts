import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMember } from '../../src/membership/zookeeper/member-record.ts';
import { ZookeeperMembership } from '../../src/membership/zookeeper/zookeeper-membership.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { membershipConformance } from '../conformance/membership.ts';
import { bytes, sessionTimeoutMs, ZookeeperFixture } from './zookeeper-fixture.ts';

const nodes = ['replica0', 'replica1', 'replica2'];

/** A node of the ring on the fake server; its port tells it from others. */
function join(fixture: ZookeeperFixture, node: string, incarnation: bigint, port = 1) {
  const session = fixture.create().session;
  const own = { host: '127.0.0.1', port, incarnation };
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (sentence: string) => errors.push(sentence) };
  const membership = new ZookeeperMembership(
    { clock: fixture.clock, logger, session },
    { node, nodes, own, ringDigest: 'ring', startupWindowMs: 3_000 },
  );
  const recovered: string[] = [];
  membership.onRecovered((name) => recovered.push(name));
  const started = membership.start(2_000);
  return { membership, session, recovered, errors, started };
}

async function joinAll(fixture = new ZookeeperFixture()) {
  const members = nodes.map((node, index) =>
    join(fixture, node, BigInt(index + 10), 9_090 + index),
  );
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
      startupWindowMs: 3_000,
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
    const { leader, standby } = members[0]?.membership.view() ?? assert.fail();
    const { errors } = join(fixture, leader ?? '', 99n, 4_000);
    await fixture.time.advance(12_000);
    const view = members[0]?.membership.view() ?? assert.fail();
    const incarnation = BigInt(nodes.indexOf(leader ?? '') + 10);
    assert.equal(view.incarnations.get(leader ?? ''), incarnation);
    // Nor its part in the election.
    assert.deepEqual([view.leader, view.standby], [leader, standby]);
    assert.deepEqual(errors, ['another process is registered under this name']);
  });

  it('does not fight for its name with a second process of its address, and has it back', async () => {
    const { fixture, members } = await joinAll();
    const [observer = assert.fail(), first = assert.fail()] = members;
    observer.recovered.length = 0;
    const requests = () => [...fixture.zookeeper.requests.values()].reduce((sum, n) => sum + n, 0);
    const before = requests();
    const second = join(fixture, 'replica1', 99n, 9_091);
    await fixture.time.advance(3_000);
    assert.deepEqual(first.errors, ['another process is registered under this name']);
    assert.ok(requests() - before < 500, `${requests() - before} requests in 3 s`);
    // As real ones do when the other nodes refuse it.
    await fixture.settle(second.membership.stop());
    await fixture.time.advance(1_000);
    assert.equal(observer.membership.view().incarnations.get('replica1'), 11n);
    assert.equal(observer.membership.view().registered?.has('replica1'), true);
  });

  it('makes its own registration anew when somebody has spoilt it', async () => {
    const { fixture, members } = await joinAll();
    const { session } = await fixture.open();
    await fixture.settle(session.set('/members/replica1', bytes('garbage')));
    await fixture.time.advance(12_000);
    const late = join(fixture, 'replica0', 88n, 9_090);
    await fixture.time.advance(500);
    assert.equal(late.membership.view().incarnations.get('replica1'), 11n);
    assert.deepEqual(members[1]?.errors, []);
  });

  it('raises an alarm and keeps the ring when ZooKeeper comes back empty', async () => {
    const { fixture, members } = await joinAll();
    fixture.zookeeper.empty();
    await fixture.time.advance(3 * sessionTimeoutMs);
    const told = members.flatMap(({ errors }) => errors);
    assert.ok(
      told.some((sentence) => sentence.startsWith('ZooKeeper has lost its data')),
      `${told}`,
    );
    for (const { membership } of members) assert.equal(membership.ringProblem, undefined);
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

  it('waits for a slow ZooKeeper: the cluster may not be ready', async () => {
    const fixture = new ZookeeperFixture();
    fixture.zookeeper.delayMs = 250;
    const { started, session } = join(fixture, 'replica0', 5n);
    let isStarted = false;
    void started.then(() => {
      isStarted = true;
    });
    await fixture.time.advance(3_000);
    assert.deepEqual([session.state, isStarted], ['connected', false]);
    await fixture.settle(started);
  });

  it('starts without a ZooKeeper that refuses it, and says so once', async () => {
    const fixture = new ZookeeperFixture();
    const invalidAccessList = -114;
    for (let count = 0; count < 100; count++) fixture.zookeeper.plant('create', invalidAccessList);
    const { started, errors } = join(fixture, 'replica0', 5n);
    await fixture.settle(started);
    assert.deepEqual(errors, ['reading or writing in ZooKeeper failed']);
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
        startupWindowMs: 3_000,
      },
    );
    await fixture.time.settle(other.start(2_000));
    assert.match(other.ringProblem ?? '', /is ring, this node has another ring/);
    assert.equal(members[0]?.membership.view().incarnations.get('replica1'), 11n);
  });

  it('holds a new cluster back until all its nodes are registered', async () => {
    const fixture = new ZookeeperFixture();
    const [first, second] = [join(fixture, 'replica0', 1n, 1), join(fixture, 'replica1', 2n, 2)];
    let ready = 0;
    for (const { started } of [first, second]) void started.then(() => ready++);
    await fixture.time.advance(2_000);
    assert.equal(ready, 0);
    const third = join(fixture, 'replica2', 3n, 3);
    void third.started.then(() => ready++);
    await fixture.time.advance(900);
    assert.equal(ready, 3);
  });

  it('makes a new cluster ready without a node when the startup window is over', async () => {
    const fixture = new ZookeeperFixture();
    const { started } = join(fixture, 'replica0', 1n);
    let isReady = false;
    void started.then(() => {
      isReady = true;
    });
    await fixture.time.advance(2_500);
    assert.equal(isReady, false);
    await fixture.time.advance(1_500);
    assert.equal(isReady, true);
  });

  it('has one leader and one standby in every view, and the standby follows', async () => {
    const { fixture, members } = await joinAll();
    const views = () => members.map(({ membership }) => membership.view());
    const [{ leader, standby } = assert.fail()] = views();
    assert.ok(leader !== undefined && standby !== undefined && leader !== standby);
    for (const view of views()) assert.deepEqual([view.leader, view.standby], [leader, standby]);
    const leaving = members[nodes.indexOf(leader)];
    await fixture.settle(leaving?.membership.stop() ?? Promise.resolve());
    await fixture.time.advance(1_000);
    for (const { membership } of members.filter((member) => member !== leaving)) {
      assert.equal(membership.view().leader, standby);
      assert.notEqual(membership.view().standby, leader);
    }
  });

  it('elects no znode that is no candidate', async () => {
    const fixture = new ZookeeperFixture();
    const { session } = await fixture.open();
    await fixture.settle(session.ensure('/election'));
    await fixture.settle(session.createPersistent('/election/note', bytes('a note')));
    const { members } = await joinAll(fixture);
    for (const { membership } of members) {
      const { leader, standby } = membership.view();
      assert.ok(nodes.includes(leader ?? '') && nodes.includes(standby ?? ''), `${leader}`);
    }
  });

  it('raises the term with each leader, also after ZooKeeper came back empty', async () => {
    const { fixture, members } = await joinAll();
    const termNow = async () => {
      const { session } = await fixture.open();
      const status = await fixture.settle(session.get('/status'));
      await fixture.settle(session.stop());
      const read = JSON.parse(new TextDecoder().decode(status?.data)) as { term: number };
      return read.term;
    };
    const first = await termNow();
    fixture.zookeeper.empty();
    await fixture.time.advance(3 * sessionTimeoutMs);
    const second = await termNow();
    assert.ok(second > first, `${second} after ${first}`);
    for (const { membership } of members) assert.equal(membership.view().registered?.size, 3);
  });
});
