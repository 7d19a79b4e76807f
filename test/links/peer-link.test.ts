import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { PeerLink } from '../../src/links/peer-link.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import { FakeDialer, helloOf } from './fake-streams.ts';

describe('PeerLink', () => {
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let dialer: FakeDialer;
  let link: PeerLink;
  let events: string[];
  let chance: number;
  let isWelcome: boolean;

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    dialer = new FakeDialer(() => time.nowMs);
    events = [];
    chance = 0.999_999;
    isWelcome = true;
    const random = { fraction: () => chance, uint64: () => 0n };
    const components = { clock, random, logger: silentLogger, dialer };
    link = new PeerLink(components, {
      peer: 'b',
      pingPhase: 0,
      hello: () => helloOf('a', { clockMs: clock.realtimeMs() }),
      judge: () => (isWelcome ? undefined : { reason: 'ring', message: 'the rings differ' }),
      listener: {
        onWelcome: (_peer, welcome) => events.push(`welcome ${welcome.incarnation}`),
        onLive: () => events.push('live'),
        onNotLive: () => events.push('not live'),
        onRefused: () => undefined,
        onAttempted: () => events.push('attempted'),
        onClock: (_peer, clockMs, sent, received) =>
          events.push(`clock ${clockMs} after ${received.monotonicMs - sent.monotonicMs} ms`),
      },
    });
  });

  const welcome = () => dialer.answer({ kind: 'welcome', hello: helloOf('b') });

  it('begins with its hello, and is live after the welcome', () => {
    link.start();
    const [first] = dialer.stream.channel.sent;
    assert.deepEqual(first, {
      kind: 'hello',
      hello: helloOf('a', { clockMs: clock.realtimeMs() }),
    });
    assert.equal(link.isLive(), false);
    welcome();
    assert.equal(link.isLive(), true);
    assert.equal(link.problem, '');
    assert.deepEqual(events.sort(), ['attempted', 'live', 'welcome 1']);
  });

  it('tries again after at most 100 ms, then twice that, and at last each second', async () => {
    link.start();
    for (let attempt = 0; attempt < 7; attempt++) {
      dialer.stream.handlers.onClosed('connection refused');
      const { length } = dialer.streams;
      await time.until(() => dialer.streams.length > length, 2_000);
    }
    const waits = dialer.streams.slice(1).map(({ atMs }, index) => {
      return atMs - (dialer.streams[index]?.atMs ?? 0);
    });
    assert.deepEqual(
      waits.map((ms) => Math.round(ms)),
      [100, 200, 400, 800, 1_000, 1_000, 1_000],
    );
    assert.equal(link.problem, 'connection refused');
  });

  it('waits a random part less, so that peers do not dial together', async () => {
    chance = 0;
    link.start();
    const startMs = time.nowMs;
    dialer.stream.handlers.onClosed('connection refused');
    await time.advance(100);
    assert.equal(dialer.stream.atMs - startMs, 75);
  });

  it('begins at 100 ms again after it was up', async () => {
    link.start();
    for (let attempt = 0; attempt < 4; attempt++) {
      dialer.stream.handlers.onClosed('connection refused');
      await time.advance(1_000);
    }
    welcome();
    dialer.stream.handlers.onClosed('connection reset');
    const { length } = dialer.streams;
    await time.advance(100);
    assert.equal(dialer.streams.length, length + 1);
  });

  it('gives up a stream on which the handshake gets no answer in 2 s', async () => {
    link.start();
    const { channel } = dialer.stream;
    await time.advance(1_999);
    assert.equal(channel.isClosed, false);
    await time.advance(1);
    assert.equal(channel.isClosed, true);
    await time.advance(100);
    assert.equal(dialer.streams.length, 2);
  });

  it('pings every 500 ms and tells of the other clock', async () => {
    link.start();
    welcome();
    await time.advance(3);
    dialer.pong(777);
    assert.equal(link.roundTripMs, 3);
    assert.ok(events.includes('clock 777 after 3 ms'));
    await time.advance(1_497);
    assert.equal(dialer.stream.channel.take('ping').length, 3);
  });

  it('pings in the same moments as the other links of its node, whenever it came up', async () => {
    await time.advance(320);
    link.start();
    welcome();
    const { channel } = dialer.stream;
    const moments: number[] = [];
    for (let ms = 0; ms < 1_700; ms++) {
      if (channel.take('ping').length > 0) moments.push(time.nowMs);
      await time.advance(1);
      dialer.answer({ kind: 'replies', replies: [] });
    }
    // The first after the welcome, the others at the phase: so soon after it that one is left out.
    assert.deepEqual(moments, [1_320, 2_000, 2_500, 3_000]);
  });

  it('is not live when nothing was heard for more than 1.5 s, and says so within 500 ms', async () => {
    link.start();
    welcome();
    events.length = 0;
    await time.advance(1_500);
    assert.equal(link.isLive(), true);
    await time.advance(1);
    assert.equal(link.isLive(), false);
    assert.match(link.problem, /silent for 1501 ms/);
    await time.advance(500);
    assert.deepEqual(events, ['not live']);
  });

  it('is live again when it hears something on the same stream', async () => {
    link.start();
    welcome();
    await time.advance(3_000);
    events.length = 0;
    dialer.pong(5);
    assert.equal(link.isLive(), true);
    assert.ok(events.includes('live'));
    assert.equal(dialer.streams.length, 1);
  });

  it('builds its stream anew after 5 s of silence', async () => {
    link.start();
    welcome();
    await time.advance(5_000);
    assert.equal(dialer.stream.channel.isClosed, false);
    await time.advance(501);
    assert.equal(dialer.streams[0]?.channel.isClosed, true);
    await time.advance(100);
    assert.equal(dialer.streams.length, 2);
    assert.deepEqual(
      dialer.stream.channel.sent.map(({ kind }) => kind),
      ['hello'],
    );
  });

  it('hears nothing of a stream that it has given up', async () => {
    link.start();
    const [old] = dialer.streams;
    await time.advance(2_100);
    old?.handlers.onFrame({ kind: 'welcome', hello: helloOf('b') });
    assert.equal(link.isLive(), false);
    welcome();
    old?.handlers.onClosed('late news');
    assert.equal(link.isLive(), true);
  });

  it('is refused by the peer, says why, and tries again until it is not', async () => {
    link.start();
    const refusal = { reason: 'duplicate-node', message: 'another a runs' } as const;
    dialer.answer({ kind: 'refusal', refusal });
    assert.deepEqual(link.refusal, refusal);
    assert.equal(link.problem, 'another a runs');
    await time.advance(100);
    welcome();
    assert.equal(link.refusal, undefined);
    assert.equal(link.isLive(), true);
  });

  it('refuses a peer that it does not agree with', () => {
    isWelcome = false;
    link.start();
    welcome();
    assert.equal(link.isLive(), false);
    assert.equal(link.refusal?.reason, 'ring');
    assert.equal(dialer.stream.channel.isClosed, true);
    assert.ok(!events.includes('live'));
  });

  it('refuses a node that is not the one at this address', () => {
    link.start();
    dialer.answer({ kind: 'welcome', hello: helloOf('c') });
    assert.equal(link.refusal?.reason, 'unknown-node');
    assert.equal(link.isLive(), false);
  });

  it('breaks with a peer that welcomes it twice', () => {
    link.start();
    welcome();
    welcome();
    assert.equal(link.isLive(), false);
  });

  it('dials no more when it was stopped', async () => {
    link.start();
    welcome();
    link.stop();
    assert.equal(dialer.stream.channel.isClosed, true);
    assert.equal(link.isLive(), false);
    await time.advance(10_000);
    assert.equal(dialer.streams.length, 1);
  });

  it('dials no more when it was stopped between two tries', async () => {
    link.start();
    dialer.stream.handlers.onClosed('connection refused');
    link.stop();
    await time.advance(10_000);
    assert.equal(dialer.streams.length, 1);
  });
});
