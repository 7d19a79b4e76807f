import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerLink } from '../../src/links/peer-link.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import { FakeDialer, helloOf } from './fake-streams.ts';

function up() {
  const time = new SimulatedTime();
  const clock = new SimulatedHost(time);
  const dialer = new FakeDialer(() => time.nowMs);
  const events: string[] = [];
  const ignore = () => undefined;
  const link = new PeerLink(
    { clock, random: new SeededRandom(1), logger: silentLogger, dialer },
    {
      peer: 'b',
      pingPhase: 0,
      hello: () => helloOf('a'),
      judge: ignore,
      listener: {
        onWelcome: ignore,
        onLive: () => {
          events.push('live');
        },
        onNotLive: () => {
          events.push('not live');
        },
        onRefused: () => undefined,
        onAttempted: ignore,
        onClock: ignore,
      },
    },
  );
  link.start();
  dialer.answer({ kind: 'welcome', hello: helloOf('b') });
  return { time, clock, dialer, link, events };
}
const store = { operation: 'store', key: numberKey(1), record: textRecord(versionAt(1)) } as const;

describe('PeerLink, when time passes between asking and sending,', () => {
  it('sends no store after its deadline when the channel drains late', async () => {
    const { time, dialer, link } = up();
    const { channel, handlers } = dialer.stream;
    channel.hasRoom = false;
    const replies: unknown[] = [];
    link.send(store, time.nowMs + 5_000, (r) => replies.push(r));
    await time.advance(0);
    link.send(store, time.nowMs + 700, (r) => replies.push(r));
    await time.advance(900);
    channel.take('requests');
    channel.hasRoom = true;
    handlers.onDrain();
    assert.deepEqual(channel.take('requests'), []);
  });

  it('gives the time that is left when it sends, not when it queued', async () => {
    const { time, dialer, link } = up();
    const { channel, handlers } = dialer.stream;
    channel.hasRoom = false;
    link.send(store, time.nowMs + 5_000, () => undefined);
    await time.advance(0);
    link.send(store, time.nowMs + 1_000, () => undefined);
    await time.advance(900);
    channel.take('requests');
    handlers.onDrain();
    assert.ok((channel.take('requests')[0]?.requests[0]?.timeoutMs ?? 0) <= 100);
  });

  it('sends no store after its deadline when the process was paused before the flush', async () => {
    const { time, clock, dialer, link } = up();
    link.send(store, time.nowMs + 700, () => undefined);
    clock.pause();
    await time.advance(900);
    clock.resume();
    await time.advance(0);
    assert.deepEqual(dialer.stream.channel.take('requests'), []);
  });

  it('tells of a peer heard again after 1.9 s', async () => {
    const { time, dialer, link, events } = up();
    await time.advance(100);
    dialer.pong();
    await time.advance(1_890);
    const wasLive = link.isLive();
    dialer.pong();
    assert.equal(wasLive, false);
    assert.deepEqual(events, ['live', 'not live', 'live']);
  });
});
