/**
 * One named test for each way in which node-zookeeper-client, or ZooKeeper itself, was seen to hurt
 * who trusts them. The real client runs against a fake server in simulated time; the same on real
 * servers is in test/integration/zookeeper-session.test.ts.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ZookeeperError } from '../../src/membership/zookeeper/zookeeper-error.ts';
import { FakeZnodes } from '../support/fake-znodes.ts';
import {
  bytes,
  codeOf,
  heapBytes,
  sessionTimeoutMs,
  ZookeeperFixture,
} from './zookeeper-fixture.ts';

let fixture: ZookeeperFixture;

beforeEach(() => {
  fixture = new ZookeeperFixture();
});

afterEach(async () => {
  const stopped = Promise.all(fixture.sessions.map((session) => session.stop()));
  await fixture.settle(stopped);
  assert.equal(fixture.clock.timerCount, 0, 'a timer is left');
  await fixture.time.advance(10);
  assert.equal(fixture.zookeeper.connectionCount, 0, 'a connection is left');
});

describe('a server that goes mute (Z1)', () => {
  it('is noticed: suspended after half a session, lost after two thirds', async () => {
    const { session, changes } = await fixture.open();
    await fixture.time.advance(sessionTimeoutMs * 3);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected'],
    );
    fixture.zookeeper.state = 'mute';
    const mutedAtMs = fixture.time.nowMs;
    await fixture.time.until(() => session.state === 'suspended');
    const suspendedMs = fixture.time.nowMs - mutedAtMs;
    assert.ok(suspendedMs <= sessionTimeoutMs / 2, `suspended after ${suspendedMs} ms`);
    assert.ok(suspendedMs >= sessionTimeoutMs / 4, `suspended after ${suspendedMs} ms`);
    await fixture.time.until(() => session.state === 'lost');
    const lostMs = fixture.time.nowMs - mutedAtMs;
    assert.ok(lostMs <= (sessionTimeoutMs * 2) / 3 + sessionTimeoutMs / 8, `lost after ${lostMs}`);
    assert.equal(session.sessionId, undefined);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'lost'],
    );
  });

  it('is left, and used again when it speaks', async () => {
    const { session, changes } = await fixture.open();
    fixture.zookeeper.state = 'mute';
    await fixture.time.until(() => session.state === 'lost');
    await fixture.time.advance(5);
    assert.equal(fixture.socketCount, 2);
    assert.equal(fixture.zookeeper.connectionCount, 1);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected');
    assert.equal(changes.at(-1)?.isNewSession, true);
  });

  it('is forgiven when it answers before the session is lost', async () => {
    const { session, changes } = await fixture.open();
    const { sessionId } = session;
    fixture.zookeeper.state = 'paused';
    await fixture.time.until(() => session.state === 'suspended');
    assert.equal(await codeOf(session.exists('/a')), 'NOT_CONNECTED');
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected', 100);
    assert.equal(session.sessionId, sessionId);
    // Whoever was refused is told when to try again.
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'connected'],
    );
    assert.equal(changes.at(-1)?.isNewSession, false);
  });
});

describe('a server that accepts and says nothing (Z2)', () => {
  it('is left for the next one within half a session', async () => {
    const other = fixture.addServer(2);
    for (const seed of [1, 2, 3, 4]) {
      fixture.zookeeper.state = seed % 2 === 0 ? 'paused' : 'mute';
      const startedAtMs = fixture.time.nowMs;
      const { session } = await fixture.open({ ports: [1, 2], seed });
      assert.ok(fixture.time.nowMs - startedAtMs <= sessionTimeoutMs / 2);
      await fixture.settle(session.stop());
    }
    assert.equal(other.requests.get('connect'), 4);
    assert.equal(other.connectionCount, 0);
    fixture.zookeeper.state = 'up';
  });

  it('is left in time also when it is two of three', async () => {
    fixture.zookeeper.state = 'mute';
    fixture.addServer(2).state = 'paused';
    fixture.addServer(3);
    let triedMost = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const startedAtMs = fixture.time.nowMs;
      fixture.socketCount = 0;
      const { session } = await fixture.open({ ports: [1, 2, 3], seed });
      const tookMs = fixture.time.nowMs - startedAtMs;
      assert.ok(tookMs <= sessionTimeoutMs / 2, `connected after ${tookMs} ms`);
      triedMost = Math.max(triedMost, fixture.socketCount);
      await fixture.settle(session.stop());
    }
    assert.equal(triedMost, 3);
    fixture.zookeeper.state = 'up';
  });

  it('is left also when it held the session, which goes on elsewhere', async () => {
    const other = fixture.addServer(2);
    other.shareWith(fixture.zookeeper);
    const { session, changes } = await fixture.open({ ports: [1, 2] });
    const { sessionId } = session;
    const [held, free] =
      fixture.zookeeper.connectionCount === 1
        ? [fixture.zookeeper, other]
        : [other, fixture.zookeeper];
    held.state = 'down';
    await fixture.time.until(() => free.connectionCount === 1);
    await fixture.time.until(() => session.state === 'connected');
    assert.equal(session.sessionId, sessionId);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'connected'],
    );
  });
});

describe('half a frame (Z3)', () => {
  it('does not spoil the next connection', async () => {
    const { session } = await fixture.open();
    const { sessionId } = session;
    fixture.zookeeper.plant('children', 'cut');
    assert.equal(await fixture.codeOf(session.children('/')), 'CONNECTION_LOST');
    await fixture.time.until(() => session.state === 'connected', 1_000);
    assert.equal(session.sessionId, sessionId);
    assert.deepEqual(await fixture.settle(session.children('/')), []);
  });
});

describe('what the client does not know (Z4)', () => {
  for (const number of [-118, -125, -127, 77]) {
    it(`does not end the process: error code ${number}`, async () => {
      const { session, changes } = await fixture.open();
      const { sessionId } = session;
      fixture.zookeeper.plant('get', number);
      const codes = Promise.all([session.get('/'), session.children('/')].map(codeOf));
      assert.deepEqual(await fixture.settle(codes), ['CONNECTION_LOST', 'CONNECTION_LOST']);
      await fixture.time.until(() => session.state === 'connected', 1_000);
      assert.equal(session.sessionId, sessionId);
      assert.deepEqual(await fixture.settle(session.children('/')), []);
      assert.deepEqual(
        changes.map(({ state }) => state),
        ['connected', 'suspended', 'connected'],
      );
    });
  }

  it('does not end the process: an unknown kind of event', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.sendEvent(7, '/a');
    await fixture.time.advance(2);
    assert.equal(session.state, 'suspended');
    await fixture.time.until(() => session.state === 'connected', 1_000);
  });

  it('does not end the process: garbage', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.sendRaw(Buffer.from('000000040badf00d', 'hex'));
    await fixture.time.until(() => session.state === 'suspended', 1_000);
    await fixture.time.until(() => session.state === 'connected', 1_000);
  });

  it('takes 4,000 events in one chunk', async () => {
    const { session, changes } = await fixture.open();
    fixture.zookeeper.sendEvent(3, '/a', 4_000);
    await fixture.time.advance(2);
    assert.equal(session.state, 'connected');
    assert.equal(changes.length, 1);
  });

  it('pauses between connections that end at once', async () => {
    const { session } = await fixture.open();
    const before = fixture.zookeeper.requests.get('connect') ?? 0;
    const untilMs = fixture.time.nowMs + 10_000;
    while (fixture.time.nowMs < untilMs) {
      if (session.state === 'connected') fixture.zookeeper.sendEvent(7, '/a');
      await fixture.time.advance(10);
    }
    const connects = (fixture.zookeeper.requests.get('connect') ?? 0) - before;
    assert.ok(connects <= 20, `${connects} connections in 10 s`);
  });
});

describe('a call (Z5)', () => {
  it('ends in half a session when no answer comes', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.state = 'mute';
    const startedAtMs = fixture.time.nowMs;
    assert.equal(await fixture.codeOf(session.children('/')), 'TIMEOUT');
    assert.equal(fixture.time.nowMs - startedAtMs, sessionTimeoutMs / 2);
    fixture.zookeeper.state = 'up';
  });

  it('ends when the connection does', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.state = 'paused';
    const code = codeOf(session.set('/a', bytes('1')));
    fixture.zookeeper.dropConnections();
    assert.equal(await fixture.settle(code), 'CONNECTION_LOST');
    fixture.zookeeper.state = 'up';
  });

  it('is refused unless connected, and never sent later', async () => {
    const { session } = fixture.create();
    assert.equal(
      await fixture.codeOf(session.createPersistent('/early', bytes(''))),
      'NOT_CONNECTED',
    );
    fixture.zookeeper.state = 'down';
    session.start();
    await fixture.time.advance(500);
    assert.equal(
      await fixture.codeOf(session.createPersistent('/early', bytes(''))),
      'NOT_CONNECTED',
    );
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected');
    await fixture.time.advance(sessionTimeoutMs);
    assert.deepEqual(fixture.zookeeper.znodes.paths, ['/']);
  });

  it('is refused when a thousand are open, until they are answered', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.state = 'paused';
    const open = Array.from({ length: 1_000 }, () => session.exists('/'));
    assert.equal(await codeOf(session.exists('/')), 'OVERLOADED');
    fixture.zookeeper.state = 'up';
    await fixture.settle(Promise.all(open));
    assert.equal(await fixture.codeOf(session.exists('/')), 'OK');
  });
});

describe('an expired session (Z6)', () => {
  it('is lost for good, and a new one is there at once', async () => {
    const { session, changes } = await fixture.open();
    const first = session.sessionId;
    await fixture.settle(session.createEphemeral('/a', bytes('1')));
    fixture.zookeeper.expire(first ?? 0n);
    await fixture.time.until(() => changes.length === 4, 1_000);
    assert.deepEqual(
      changes.map(({ state, isNewSession }) => [state, isNewSession]),
      [
        ['connected', true],
        ['suspended', false],
        ['lost', false],
        ['connected', true],
      ],
    );
    assert.notEqual(session.sessionId, first);
    assert.equal(await fixture.settle(session.exists('/a')), undefined);
    const stat = await fixture.settle(session.createEphemeral('/a', bytes('1')));
    assert.equal(stat.ephemeralOwner, session.sessionId);
  });

  it('is noticed also when a call is what says so', async () => {
    const { session, changes } = await fixture.open();
    fixture.zookeeper.plant('get', -112);
    assert.equal(await fixture.codeOf(session.get('/')), 'SESSION_EXPIRED');
    await fixture.time.until(() => session.state === 'connected', 1_000);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'lost', 'connected'],
    );
  });

  it('leaves no watch of the old session behind, and new ones work', async () => {
    const { session } = await fixture.open();
    let events = 0;
    const onChange = () => {
      events++;
    };
    session.onState(({ state }) => {
      if (state === 'connected') session.children('/', onChange).catch(() => undefined);
    });
    await fixture.settle(session.children('/', () => assert.fail('a watch of the old session')));
    fixture.zookeeper.expire(session.sessionId ?? 0n);
    await fixture.time.until(() => session.state === 'suspended', 100);
    await fixture.time.until(() => session.state === 'connected', 1_000);
    await fixture.time.advance(5);
    assert.equal(fixture.zookeeper.znodes.watchCount, 1);
    fixture.zookeeper.znodes.create('/a', bytes(''), 0, 0n);
    await fixture.time.advance(5);
    assert.equal(events, 1);
  });
});

describe('the end (Z7)', () => {
  it('comes before there was a connection', async () => {
    fixture.zookeeper.state = 'down';
    const { session } = fixture.create();
    session.start();
    await fixture.settle(session.stop());
    const unstarted = fixture.create().session;
    await fixture.settle(unstarted.stop());
    assert.equal(session.state, 'lost');
  });

  it('comes while connecting', async () => {
    const { session } = fixture.create();
    session.start();
    await fixture.time.advance(1);
    await fixture.settle(session.stop());
    await fixture.time.advance(10);
    assert.deepEqual(fixture.zookeeper.sessionIds.length <= 1, true);
    assert.equal(fixture.zookeeper.connectionCount, 0);
  });

  it('takes a second at most with a hung server', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.state = 'mute';
    const startedAtMs = fixture.time.nowMs;
    await fixture.settle(session.stop());
    assert.equal(fixture.time.nowMs - startedAtMs, 1_000);
    await fixture.time.advance(5);
    assert.equal(fixture.zookeeper.connectionCount, 0);
  });

  it('takes the ephemeral znodes away at once, and refuses calls', async () => {
    const { session, changes } = await fixture.open();
    await fixture.settle(session.createEphemeral('/a', bytes('1')));
    const startedAtMs = fixture.time.nowMs;
    await fixture.settle(session.stop());
    assert.ok(fixture.time.nowMs - startedAtMs < 100);
    assert.equal(fixture.zookeeper.znodes.has('/a'), false);
    assert.deepEqual(fixture.zookeeper.sessionIds, []);
    assert.equal(await fixture.codeOf(session.exists('/')), 'NOT_CONNECTED');
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected'],
    );
  });
});

describe('a create whose answer is lost (Z8)', () => {
  it('is recognised as its own, and sent once', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.plant('create', 'drop');
    const stat = await fixture.settle(session.createEphemeral('/a', bytes('1')));
    assert.equal(stat.ephemeralOwner, session.sessionId);
    assert.equal(fixture.zookeeper.requests.get('create'), 1);
  });

  it('is said not to have happened when it has not', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.plant('create', 'lose');
    const error = await fixture.settle(
      session.createEphemeral('/a', bytes('1')).catch((thrown: unknown) => thrown),
    );
    assert.ok(error instanceof ZookeeperError);
    assert.equal(error.code, 'CONNECTION_LOST');
    assert.equal(error.mayHaveApplied, false);
    assert.equal(fixture.zookeeper.requests.get('create'), 1);
  });

  it('stays unknown when the session is lost with it', async () => {
    const { session } = await fixture.open();
    fixture.zookeeper.plant('create', 'drop');
    const failed = session.createEphemeral('/a', bytes('1')).catch((thrown: unknown) => thrown);
    await fixture.time.until(() => session.state === 'suspended', 100);
    fixture.zookeeper.state = 'down';
    const error = await fixture.settle(failed);
    assert.ok(error instanceof ZookeeperError);
    assert.equal(error.code, 'CONNECTION_LOST');
    assert.equal(error.mayHaveApplied, true);
    fixture.zookeeper.state = 'up';
  });

  it('stays unknown when another session follows', async () => {
    const { session } = await fixture.open();
    const { sessionId = 0n } = session;
    fixture.zookeeper.plant('create', 'drop');
    const failed = session.createEphemeral('/a', bytes('1')).catch((thrown: unknown) => thrown);
    await fixture.time.until(() => session.state === 'suspended', 100);
    fixture.zookeeper.expire(sessionId);
    const error = await fixture.settle(failed);
    assert.ok(error instanceof ZookeeperError);
    assert.equal(error.mayHaveApplied, true);
  });

  it('that comes again finds its own and takes it, but not that of others', async () => {
    const { session } = await fixture.open();
    const first = await fixture.settle(session.createEphemeral('/a', bytes('1')));
    const again = await fixture.settle(session.createEphemeral('/a', bytes('1')));
    assert.equal(again.czxid, first.czxid);
    const other = await fixture.open();
    assert.equal(
      await fixture.codeOf(other.session.createEphemeral('/a', bytes('1'))),
      'NODE_EXISTS',
    );
  });

  it('is not tried where there is one, which may be forbidden', async () => {
    const { session } = await fixture.open({ root: '/quorate' });
    await fixture.settle(session.ensure('/'));
    const noAuth = -102;
    fixture.zookeeper.plant('create', noAuth);
    assert.equal(await fixture.codeOf(session.ensure('/')), 'OK');
    assert.equal(await fixture.codeOf(session.ensure('/members')), 'NO_AUTH');
  });

  it('is found by its random part when it has a number', async () => {
    const { session } = await fixture.open();
    await fixture.settle(session.ensure('/election'));
    const other = await fixture.open({ seed: 9 });
    const [theirs] = [
      await fixture.settle(other.session.createSequential('/election/n-', bytes(''))),
    ];
    fixture.zookeeper.plant('create', 'drop');
    const path = await fixture.settle(session.createSequential('/election/n-', bytes('x')));
    assert.match(path, /^\/election\/n-[0-9a-f]{32}-0000000001$/);
    assert.notEqual(path, theirs);
    const stat = await fixture.settle(session.exists(path));
    assert.equal(stat?.ephemeralOwner, session.sessionId);
    assert.equal((await fixture.settle(session.children('/election')))?.length, 2);
  });
});

describe('addresses and errors of the network (Z9)', () => {
  it('leave IPv6 addresses whole', async () => {
    const { hosts, connect } = fixture.recordHosts();
    const session = fixture.createWith(connect, [{ host: '::1', port: 1 }]);
    session.start();
    await fixture.time.until(() => session.state === 'connected');
    assert.deepEqual(hosts, ['::1']);
  });

  it('are survived: no server is there for a minute', async () => {
    fixture.zookeeper.state = 'down';
    const { session, changes } = fixture.create();
    session.start();
    await fixture.time.advance(60_000);
    assert.equal(session.state, 'lost');
    assert.deepEqual(changes, []);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected', 1_100);
  });
});

describe('numbers of 64 bits (Z10)', () => {
  it('are exact and compare with ===', async () => {
    const one = await fixture.open();
    const two = await fixture.open();
    const stat = await fixture.settle(one.session.createEphemeral('/a', bytes('1')));
    assert.equal(stat.ephemeralOwner === one.session.sessionId, true);
    assert.equal(stat.ephemeralOwner === two.session.sessionId, false);
    assert.equal(Number(one.session.sessionId), Number(two.session.sessionId));
    assert.deepEqual(fixture.zookeeper.sessionIds, [one.session.sessionId, two.session.sessionId]);
  });
});

describe('a process that was stopped (T3)', () => {
  it('does not trust its session from the first moment on', async () => {
    const { session } = await fixture.open();
    let stateAtOnce: string | undefined;
    fixture.host.schedule(10, () => {
      stateAtOnce = session.state;
    });
    fixture.host.pause();
    await fixture.time.advance(sessionTimeoutMs + 1_000);
    fixture.host.resume();
    assert.equal(stateAtOnce, 'suspended');
  });

  it('learns that its session has expired, and opens another', async () => {
    const { session, changes } = await fixture.open();
    const first = session.sessionId;
    fixture.host.pause();
    await fixture.time.advance(sessionTimeoutMs * 3);
    fixture.host.resume();
    assert.notEqual(session.state, 'connected');
    await fixture.time.until(() => session.state === 'connected', 1_000);
    assert.notEqual(session.sessionId, first);
    assert.equal(changes.at(-1)?.isNewSession, true);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'lost', 'connected'],
    );
  });

  it('keeps its session if the server was stopped as well', async () => {
    const { session, changes } = await fixture.open();
    const first = session.sessionId;
    fixture.host.pause();
    fixture.zookeeper.state = 'paused';
    fixture.zookeeper.keepSessions();
    await fixture.time.advance(sessionTimeoutMs * 2);
    fixture.host.resume();
    assert.equal(session.state, 'suspended');
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended'],
    );
    await fixture.time.advance(sessionTimeoutMs / 8);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected', 100);
    assert.equal(session.sessionId, first);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'connected'],
    );
  });

  it('gives up the session if nothing answers a quarter of a session later', async () => {
    const { session } = await fixture.open();
    fixture.host.pause();
    fixture.zookeeper.state = 'mute';
    await fixture.time.advance(sessionTimeoutMs * 2);
    fixture.host.resume();
    assert.equal(session.state, 'suspended');
    await fixture.time.until(() => session.state === 'lost', (sessionTimeoutMs * 3) / 8 + 1);
  });
});

describe('a session', () => {
  it('survives a server that lost its data', async () => {
    const { session, changes } = await fixture.open();
    for (let change = 0; change < 5; change++) {
      await fixture.settle(session.createPersistent(`/a${change}`, bytes('')));
    }
    fixture.zookeeper.state = 'down';
    fixture.zookeeper.empty();
    await fixture.time.advance(100);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => changes.length === 4, sessionTimeoutMs * 2);
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['connected', 'suspended', 'lost', 'connected'],
    );
    assert.deepEqual(await fixture.settle(session.children('/')), []);
  });

  it('is the same after a short outage', async () => {
    const { session, changes } = await fixture.open();
    const { sessionId } = session;
    await fixture.settle(session.createEphemeral('/a', bytes('1')));
    fixture.zookeeper.state = 'down';
    await fixture.time.advance(sessionTimeoutMs / 4);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected', 1_100);
    assert.equal(session.sessionId, sessionId);
    assert.equal(changes.at(-1)?.isNewSession, false);
    assert.equal((await fixture.settle(session.exists('/a')))?.ephemeralOwner, sessionId);
  });

  it('does not go on with a server that is behind what it has seen', async () => {
    const behind = fixture.addServer(2);
    behind.shareWith(fixture.zookeeper);
    behind.znodes = new FakeZnodes();
    behind.state = 'down';
    const { session } = await fixture.open({ ports: [1, 2] });
    const { sessionId } = session;
    await fixture.settle(session.createPersistent('/a', bytes('')));
    fixture.zookeeper.state = 'down';
    behind.state = 'up';
    await fixture.time.advance(sessionTimeoutMs / 4);
    assert.equal(session.state, 'suspended');
    assert.ok((behind.requests.get('connect') ?? 0) > 0);
    fixture.zookeeper.state = 'up';
    await fixture.time.until(() => session.state === 'connected');
    assert.equal(session.sessionId, sessionId);
    assert.notEqual(await fixture.settle(session.exists('/a')), undefined);
  });

  it('can watch a quiet znode for ever', async () => {
    const { session } = await fixture.open();
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    const onChange = () => undefined;
    for (let read = 0; read < 50; read++) {
      await fixture.settle(session.children('/', onChange));
      await fixture.settle(session.get('/', onChange));
    }
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  it('calls listeners outside of the client, which would catch what they throw', async () => {
    const { session } = fixture.create();
    const stacks: string[] = [];
    const keep = () => {
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 100;
      stacks.push(new Error().stack ?? '');
      Error.stackTraceLimit = stackTraceLimit;
    };
    session.onState(keep);
    session.start();
    await fixture.time.until(() => session.state === 'connected');
    await fixture.settle(session.exists('/a', keep));
    await fixture.settle(session.createPersistent('/a', bytes('')));
    assert.equal(stacks.length, 2);
    for (const stack of stacks) assert.doesNotMatch(stack, /ConnectionManager/);
  });

  it('survives a thousand ends of connections and sessions and leaves nothing behind', async () => {
    const { session, changes } = await fixture.open();
    let events = 0;
    const onChange = () => {
      events++;
    };
    session.onState(({ state }) => {
      if (state === 'connected') session.children('/', onChange).catch(() => undefined);
    });
    changes.length = 0;
    const cycle = async (round: number) => {
      const { zookeeper } = fixture;
      if (round % 3 === 0) zookeeper.dropConnections();
      else if (round % 3 === 1) zookeeper.expire(session.sessionId ?? 0n);
      else zookeeper.sendEvent(7, '/a');
      await fixture.until(() => changes.some(({ state }) => state === 'connected'));
      await fixture.time.advance(3);
      assert.ok(fixture.clock.timerCount <= 3, `${fixture.clock.timerCount} timers`);
      assert.equal(zookeeper.connectionCount, 1);
      assert.equal(zookeeper.sessionIds.length, 1);
      assert.equal(zookeeper.znodes.watchCount, 1);
      changes.length = 0;
    };
    for (let round = 0; round < 99; round++) await cycle(round);
    await fixture.time.advance(sessionTimeoutMs * 2);
    const before = heapBytes();
    for (let round = 0; round < 999; round++) await cycle(round);
    await fixture.time.advance(sessionTimeoutMs * 2);
    const grown = heapBytes() - before;
    assert.ok(grown < 1_500_000, `${grown} bytes more`);
    fixture.zookeeper.znodes.create('/a', bytes(''), 0, 0n);
    await fixture.time.advance(5);
    assert.equal(events, 1);
  });
});
