import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ResponseFrame } from '../../src/links/frames.ts';
import { LinkSet } from '../../src/links/link-set.ts';
import { StaticMembership } from '../../src/membership/static-membership.ts';
import { ClockMonitor } from '../../src/record/clock-monitor.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import { ableToAll, FakeChannel, FakeDialer, helloOf } from './fake-streams.ts';

const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['a', 'b', 'c']),
});
const hello = (node: string, incarnation = 1n) =>
  helloOf(node, { incarnation, ringDigest: ring.digest() });

describe('LinkSet', () => {
  let time: SimulatedTime;
  let dialers: Map<string, FakeDialer>;
  let membership: StaticMembership;
  let clockMonitor: ClockMonitor;
  let links: LinkSet;
  let recovered: string[];
  let dataIds: Map<string, string>;

  beforeEach(() => {
    time = new SimulatedTime();
    const clock = new SimulatedHost(time);
    dialers = new Map(['b', 'c'].map((node) => [node, new FakeDialer(() => time.nowMs)]));
    membership = new StaticMembership(ring.nodes);
    recovered = [];
    dataIds = new Map();
    membership.onRecovered((node) => recovered.push(node));
    const start = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
    clockMonitor = new ClockMonitor(start, { otherNodes: 2 });
    links = new LinkSet(
      {
        clock,
        random: new SeededRandom(1),
        logger: silentLogger,
        ring,
        membership,
        clockMonitor,
        service: { standing: ableToAll, handle: () => undefined },
        peerIdentities: {
          dataIdOf: (node) => dataIds.get(node),
          remember: (node, dataId) => dataIds.set(node, dataId),
        },
        dialerOf: (node) => dialerTo(node),
      },
      { node: 'a', clusterName: 'test', incarnation: 100n, dataId: '1-a', isRebuilt: false },
    );
  });

  function dialerTo(node: string): FakeDialer {
    const dialer = dialers.get(node);
    assert.ok(dialer);
    return dialer;
  }

  const welcome = (node: string, incarnation = 1n) =>
    dialerTo(node).answer({ kind: 'welcome', hello: hello(node, incarnation) });

  /** A peer opens a stream and greets: what it hears, and how to say more. */
  function call(node: string, incarnation = 1n) {
    const channel = new FakeChannel<ResponseFrame>();
    const session = links.accept(channel);
    session.onFrame({ kind: 'hello', hello: hello(node, incarnation) });
    const [answer] = channel.sent;
    return {
      channel,
      session,
      heard: answer?.kind === 'refusal' ? answer.refusal.reason : answer?.kind,
    };
  }

  it('dials each other node of the ring with the same hello that it answers with', () => {
    void links.start();
    const known = { incarnation: 100n, ringDigest: ring.digest(), dataId: '1-a' };
    const own = helloOf('a', known);
    const [sent] = dialerTo('c').stream.channel.sent;
    assert.equal(sent?.kind, 'hello');
    assert.deepEqual({ ...sent.hello, clockMs: 0 }, own);
    const [answer] = call('b').channel.sent;
    assert.equal(answer?.kind, 'welcome');
    assert.deepEqual({ ...answer.hello, clockMs: 0 }, own);
    assert.equal(links.linkTo('a'), undefined);
  });

  it('dials a peer that greets it at once, not at its next turn, and no peer twice', async () => {
    call('b');
    assert.equal(dialerTo('b').streams.length, 0, 'it has not started');
    void links.start();
    call('b');
    assert.equal(dialerTo('b').streams.length, 1, 'it dials already');
    dialerTo('b').stream.handlers.onClosed('connection refused');
    call('b');
    assert.equal(dialerTo('b').streams.length, 2);
    welcome('b');
    call('b');
    await time.advance(200);
    assert.equal(dialerTo('b').streams.length, 2);
    assert.equal(links.isLive('b'), true);
  });

  it('is settled when each link was up or has failed once', async () => {
    let isSettled = false;
    const started = links.start().then(() => {
      isSettled = true;
    });
    welcome('b');
    await time.advance(1);
    assert.equal(isSettled, false);
    assert.deepEqual(
      ['b', 'c'].map((node) => links.isUnknown(node)),
      [false, true],
    );
    dialerTo('c').stream.handlers.onClosed('connection refused');
    await started;
    assert.equal(links.isUnknown('c'), false);
  });

  it('is settled after 2 s whatever the peers do', async () => {
    let isSettled = false;
    void links.start().then(() => {
      isSettled = true;
    });
    await time.advance(1_999);
    assert.equal(isSettled, false);
    await time.advance(1);
    assert.equal(isSettled, true);
  });

  it('is itself always live, and a peer while its link is', () => {
    void links.start();
    assert.deepEqual(
      ['a', 'b', 'z'].map((node) => links.isLive(node)),
      [true, false, false],
    );
    const live: string[] = [];
    links.onLive((node) => live.push(node));
    welcome('b');
    assert.equal(links.isLive('b'), true);
    assert.deepEqual(live, ['b']);
  });

  it('tells membership of incarnations from both ends of streams', () => {
    void links.start();
    welcome('b', 7n);
    call('c', 8n);
    assert.deepEqual(recovered, ['b', 'c']);
    assert.equal(membership.view().incarnations.get('b'), 7n);
    assert.equal(membership.view().incarnations.get('c'), 8n);
  });

  it('refuses a second run of a name while the first is heard, and takes it after its silence', async () => {
    assert.equal(call('b', 1n).heard, 'welcome');
    await time.advance(1_500);
    assert.equal(call('b', 2n).heard, 'duplicate-node');
    await time.advance(1);
    assert.equal(call('b', 2n).heard, 'welcome');
    assert.deepEqual(recovered, ['b', 'b']);
  });

  it('refuses a second run of a name while its own link to the first is live', async () => {
    void links.start();
    welcome('b', 1n);
    assert.equal(call('b', 2n).heard, 'duplicate-node');
    await time.advance(1_501);
    assert.equal(call('b', 2n).heard, 'welcome');
  });

  it('refuses a second run as soon as the first has said something again', async () => {
    const first = call('b', 1n);
    await time.advance(1_400);
    first.session.onFrame({ kind: 'ping', id: 1 });
    await time.advance(1_400);
    assert.equal(call('b', 2n).heard, 'duplicate-node');
  });

  it('takes a second run at once when the stream of the first has ended', () => {
    call('b', 1n).session.onClosed();
    assert.equal(call('b', 2n).heard, 'welcome');
  });

  it('ends the old stream of a run that opens another', () => {
    const old = call('b', 1n);
    assert.equal(call('b', 1n).heard, 'welcome');
    assert.equal(old.channel.isClosed, true);
  });

  it('refuses another process that uses its own name', () => {
    assert.equal(call('a', 200n).heard, 'duplicate-node');
  });

  it('brings the clocks of pongs to the monitor, and forgets those of nodes that are gone', async () => {
    void links.start();
    for (const node of ['b', 'c']) {
      welcome(node);
      dialerTo(node).pong(1_767_225_600_000 + time.nowMs + 30);
    }
    assert.equal(clockMonitor.aheadMs('b'), 30);
    dialerTo('b').stream.handlers.onClosed('connection reset');
    assert.equal(clockMonitor.aheadMs('b'), undefined);
    assert.equal(clockMonitor.aheadMs('c'), 30);
  });

  it('is an outcast while peers refuse it and none talks to it', () => {
    void links.start();
    const refusal = { reason: 'ring', message: 'the rings differ' } as const;
    dialerTo('b').answer({ kind: 'refusal', refusal });
    assert.deepEqual(links.outcastFor(), [refusal]);
    welcome('c');
    assert.deepEqual(links.outcastFor(), []);
  });

  it('tells when one peer refuses it for its data, whoever else talks to it', async () => {
    const heard: string[] = [];
    links.onDataRefused(({ message }) => heard.push(message));
    void links.start();
    welcome('c');
    const refuse = (reason: 'ring' | 'data-id') =>
      dialerTo('b').answer({ kind: 'refusal', refusal: { reason, message: reason } });
    refuse('ring');
    assert.deepEqual(heard, []);
    await time.advance(200);
    refuse('data-id');
    assert.deepEqual(heard, ['data-id']);
  });

  it('is no outcast where it is the peer that lost its data', () => {
    dataIds.set('b', '1-b');
    const heard: string[] = [];
    links.onDataRefused(({ message }) => heard.push(message));
    void links.start();
    dialerTo('b').answer({ kind: 'welcome', hello: { ...hello('b'), dataId: '2-b' } });
    assert.equal(links.isLive('b'), false);
    assert.deepEqual(links.outcastFor(), []);
    assert.deepEqual(heard, []);
  });

  it('ends all streams and takes no more when it is stopped', () => {
    void links.start();
    const before = call('b');
    links.stop();
    assert.equal(before.channel.isClosed, true);
    assert.equal(dialerTo('b').stream.channel.isClosed, true);
    assert.equal(call('c').channel.isClosed, true);
  });

  it('tells what the peers do for others, as their last hello or pong says', () => {
    void links.start();
    const rebuilding = { servesReads: false, takesWrites: true };
    dialerTo('b').answer({
      kind: 'welcome',
      hello: { ...hello('b'), standing: rebuilding },
    });
    assert.deepEqual(links.standingOf('b'), rebuilding);
    dialerTo('b').pong();
    assert.deepEqual(links.standingOf('b'), ableToAll);
    assert.deepEqual(links.standingOf('a'), ableToAll);
    assert.deepEqual(links.standingOf('c'), { servesReads: false, takesWrites: false });
  });

  it('remembers the data of each node it met, and refuses other data', () => {
    void links.start();
    const withData = (dataId: string, isRebuilt = false) => ({ ...hello('b'), dataId, isRebuilt });
    dialerTo('b').answer({ kind: 'welcome', hello: withData('1-b') });
    assert.equal(dataIds.get('b'), '1-b');
    const heard = (other: ReturnType<typeof withData>) => {
      const channel = new FakeChannel<ResponseFrame>();
      links.accept(channel).onFrame({ kind: 'hello', hello: other });
      const [answer] = channel.sent;
      return answer?.kind === 'refusal' ? answer.refusal.reason : answer?.kind;
    };
    assert.equal(heard(withData('2-b')), 'data-id');
    assert.equal(dataIds.get('b'), '1-b');
    assert.equal(heard(withData('3-b', true)), 'welcome');
    assert.equal(dataIds.get('b'), '3-b');
    assert.equal(heard(withData('1-b')), 'data-id', 'what was replaced is gone for good');
  });
});
