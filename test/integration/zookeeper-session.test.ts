/**
 * Sessions with a real ZooKeeper in real time, stopped, killed, restarted, emptied. Where there is
 * no ZooKeeper all this is skipped, loudly; test/membership/zookeeper-session.test.ts has the same
 * on the fake.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { queryObjects } from 'node:v8';
import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import type {
  OpenConnection,
  OpenedSession,
  ServerAddress,
} from '../../src/membership/zookeeper/connection.ts';
import type { SessionChange } from '../../src/membership/zookeeper/session-keeper.ts';
import { clientConnections } from '../../src/membership/zookeeper/zookeeper-connection.ts';
import { ZookeeperMembership } from '../../src/membership/zookeeper/zookeeper-membership.ts';
import { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { zookeeperSessionConformance } from '../conformance/zookeeper-session.ts';
import { FakeZookeeper } from '../support/fake-zookeeper.ts';
import { until } from '../support/processes.ts';
import { startZookeeper, zookeeperInstallation } from '../support/zookeeper.ts';

const sessionTimeoutMs = 2_000;
const skip = zookeeperInstallation() === undefined && 'there is no ZooKeeper on this machine';
const clock = new SystemClock();
const random = new SystemRandom();
const isLong = process.env['QUORATE_TEST_LONG'] === '1';
/** How often sessions are made to expire. */
const rounds = isLong ? 100 : 4;
/** A server ends a session at the first tick, of half a second, after its timeout. */
const idleMs = isLong ? 10 * sessionTimeoutMs : sessionTimeoutMs + 1_000;
const bytes = (text: string) => Buffer.from(text);

let zookeeper: LocalZookeeper;
let sessions: ZookeeperSession[] = [];
let memberships: ZookeeperMembership[] = [];
let rootNumber = 0;
/** What the servers said when they opened sessions, the last of them. */
let opened: readonly OpenedSession[] = [];

const connect: OpenConnection = (request, listener) =>
  clientConnections()(request, {
    onChange: listener.onChange,
    onEnd: listener.onEnd,
    onOpen: (session) => {
      opened = [...opened.slice(-9), session];
      listener.onOpen(session);
    },
  });

function create(port = zookeeper.port, root = ''): ZookeeperSession {
  const servers: readonly ServerAddress[] = [{ host: '127.0.0.1', port }];
  const session = new ZookeeperSession(
    { clock, random, logger: silentLogger, connect },
    { servers, root, sessionTimeoutMs },
  );
  sessions.push(session);
  return session;
}

async function open(port?: number, root?: string) {
  const session = create(port, root);
  const changes: SessionChange[] = [];
  session.onState((change) => changes.push(change));
  session.start();
  await until('connected', () => session.state === 'connected');
  return { session, changes };
}

/** How many objects are in use after garbage was collected. */
const liveObjects = () => Number(queryObjects(Object, { format: 'count' }));

/** What keeps this process alive, timers and sockets among it. */
const resources = () => process.getActiveResourcesInfo().sort();

const statesOf = (changes: readonly SessionChange[]) => changes.map(({ state }) => state);

async function stopSessions(): Promise<void> {
  await Promise.all(memberships.map((membership) => membership.stop()));
  memberships = [];
  await Promise.all(sessions.map((session) => session.stop()));
  sessions = [];
}

/** Ends a session from outside, as its time running out would: by its id and password. */
async function closeFromOutside(session: ZookeeperSession): Promise<void> {
  const proof = opened.find(({ sessionId }) => sessionId === session.sessionId);
  assert.ok(proof);
  await new Promise<void>((resolve) => {
    const server = { host: '127.0.0.1', port: zookeeper.port };
    const connection = clientConnections()(
      { server, sessionTimeoutMs, resume: { ...proof, lastZxid: 0n } },
      {
        onOpen: () => connection.closeSession(),
        onChange: () => undefined,
        onEnd: () => resolve(),
      },
    );
  });
}

describe('sessions with a real ZooKeeper', { skip }, () => {
  before(async () => {
    const started = await startZookeeper();
    assert.ok(started);
    zookeeper = started;
  });

  afterEach(stopSessions);

  after(() => zookeeper.stop());

  zookeeperSessionConformance('a real ZooKeeper', async () => {
    const root = `/test/root${++rootNumber}`;
    return {
      open: async () => (await open(undefined, root)).session,
      settle: (promise) => promise,
      until: (condition) => until('the condition holds', condition),
      stop: stopSessions,
    };
  });

  it('go on as the same when the server is killed and started with its data', async () => {
    const { session, changes } = await open();
    const { sessionId } = session;
    await session.createEphemeral('/restarted', bytes('1'));
    await zookeeper.kill();
    await until('suspended', () => session.state === 'suspended');
    await zookeeper.start();
    await until('connected', () => session.state === 'connected');
    if (session.sessionId === sessionId) {
      assert.deepEqual(statesOf(changes), ['connected', 'suspended', 'connected']);
      assert.equal((await session.exists('/restarted'))?.ephemeralOwner, sessionId);
    } else {
      // A slow start: lost in between, and the old znode dies with the old session.
      assert.deepEqual(statesOf(changes), ['connected', 'suspended', 'lost', 'connected']);
    }
  });

  it('are lost while the server is away for long, and new when it is back', async () => {
    const { session, changes } = await open();
    await zookeeper.kill();
    await until('lost', () => session.state === 'lost', sessionTimeoutMs);
    await zookeeper.start();
    await until('connected', () => session.state === 'connected', 3_000);
    assert.equal(changes.at(-1)?.isNewSession, true);
    const stat = await session.createEphemeral('/new', bytes('1'));
    assert.equal(stat.ephemeralOwner, session.sessionId);
  });

  it('survive a server that comes back empty', async () => {
    const { session, changes } = await open();
    await session.createPersistent('/before', bytes('1'));
    for (let change = 0; change < 20; change++) await session.set('/before', bytes(`${change}`));
    await zookeeper.kill();
    zookeeper.empty();
    await zookeeper.start();
    await until('a new session', () => changes.at(-1)?.isNewSession === true && changes.length > 2);
    assert.equal(await session.exists('/before'), undefined);
  });

  it('notice a stopped server within two thirds of a session, and use it again', async () => {
    const { session, changes } = await open();
    assert.ok(zookeeper.pid);
    process.kill(zookeeper.pid, 'SIGSTOP');
    const stoppedAtMs = performance.now();
    await until('suspended', () => session.state === 'suspended', sessionTimeoutMs);
    await until('lost', () => session.state === 'lost', sessionTimeoutMs);
    const lostMs = performance.now() - stoppedAtMs;
    assert.ok(lostMs < sessionTimeoutMs, `lost after ${lostMs} ms`);
    const stopStartedAtMs = performance.now();
    const other = create();
    other.start();
    await other.stop();
    assert.ok(performance.now() - stopStartedAtMs < 1_500);
    process.kill(zookeeper.pid, 'SIGCONT');
    await until('connected', () => session.state === 'connected', 5_000);
    assert.equal(changes.at(-1)?.isNewSession, true);
  });

  it('end in a second when the server is stopped', async () => {
    const { session } = await open();
    assert.ok(zookeeper.pid);
    process.kill(zookeeper.pid, 'SIGSTOP');
    const startedAtMs = performance.now();
    await session.stop();
    const tookMs = performance.now() - startedAtMs;
    process.kill(zookeeper.pid, 'SIGCONT');
    assert.ok(tookMs > 900 && tookMs < 1_500, `${tookMs} ms`);
  });

  it('notice that they have expired, again and again, and leave nothing behind', async (t) => {
    const session = create(undefined, '/expiring');
    const changes: SessionChange[] = [];
    session.onState((change) => changes.push(change));
    // On top of it what a node has: it registers again each time.
    const membership = new ZookeeperMembership(
      { clock, logger: silentLogger, session },
      {
        node: 'replica0',
        nodes: ['replica0'],
        own: { host: '127.0.0.1', port: 1, incarnation: 1n },
        ringDigest: 'ring',
        startupWindowMs: 0,
      },
    );
    const isRegistered = async () =>
      (await session.exists('/members/replica0').catch(() => undefined))?.ephemeralOwner ===
        session.sessionId && membership.view().leader === 'replica0';
    memberships.push(membership);
    await membership.start(5_000);
    await until('it is registered', isRegistered);
    const resourcesBefore = resources();
    // What is made only once is not counted; nor is compiled code, which is no object.
    const warmUp = Math.ceil(rounds / 5);
    let objectsBefore = 0;
    let startMs = 0;
    for (let round = -warmUp; round < rounds; round++) {
      if (round === 0) {
        objectsBefore = liveObjects();
        startMs = performance.now();
      }
      changes.length = 0;
      const { sessionId } = session;
      // On a machine that is held up a session may be in doubt for a moment.
      await until('it has a znode', () =>
        session.createEphemeral('/again', bytes(`${round}`)).then(Boolean, () => false),
      );
      while (session.sessionId === sessionId) {
        // Both connections want the session: ours may win it back before it is closed.
        await closeFromOutside(session);
        await until('connected again', () => session.state === 'connected');
      }
      assert.deepEqual(statesOf(changes).slice(-3), ['suspended', 'lost', 'connected']);
      assert.equal(changes.at(-1)?.isNewSession, true);
      await until('its znode is gone', () =>
        session.exists('/again').then(
          (stat) => stat === undefined,
          () => false,
        ),
      );
      await until('it is registered again', isRegistered);
    }
    const moreObjects = liveObjects() - objectsBefore;
    t.diagnostic(
      `${rounds} expiries in ${Math.round(performance.now() - startMs)} ms, ${moreObjects} more objects`,
    );
    await until('nothing more is open', () => isDeepStrictEqual(resources(), resourcesBefore));
    assert.ok(moreObjects < 100 + 2 * rounds, `${moreObjects} more objects`);
  });

  it('stay while the client is idle for longer than the timeout', async () => {
    const { session, changes } = await open();
    const { sessionId } = session;
    await session.createEphemeral('/idle', bytes('1'));
    const untilMs = performance.now() + idleMs;
    await until('the time is over', () => performance.now() > untilMs, 2 * idleMs);
    assert.deepEqual(statesOf(changes), ['connected']);
    assert.equal((await session.exists('/idle'))?.ephemeralOwner, sessionId);
  });

  it('do not trust themselves after synchronous work longer than the timeout', async () => {
    const { session, changes } = await open();
    const { sessionId } = session;
    const endMs = performance.now() + sessionTimeoutMs * 1.75;
    while (performance.now() < endMs);
    assert.equal(session.state, 'suspended');
    await until('a new session', () => changes.at(-1)?.isNewSession === true && changes.length > 1);
    assert.deepEqual(statesOf(changes), ['connected', 'suspended', 'lost', 'connected']);
    assert.notEqual(session.sessionId, sessionId);
  });
});

describe('sessions over TCP with the fake ZooKeeper', () => {
  afterEach(stopSessions);

  it('leave no socket when connections end again and again', async () => {
    const fake = new FakeZookeeper(clock);
    const port = await fake.listen();
    const { session, changes } = await open(port);
    for (let round = 0; round < rounds; round++) {
      changes.length = 0;
      if (round % 2 === 0) fake.dropConnections();
      else fake.expire(session.sessionId ?? 0n);
      await until('connected again', () => statesOf(changes).includes('connected'));
    }
    await until('one connection', () => fake.connectionCount === 1);
    await session.stop();
    await until('no connection', () => fake.connectionCount === 0);
    await fake.stop();
  });
});
