import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { linkBytesMax, linkRequestsMax } from '../../src/links/open-requests.ts';
import { PeerLink } from '../../src/links/peer-link.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import { FakeDialer, helloOf } from './fake-streams.ts';

const notSent: ReplicaReply = { outcome: 'refused', reason: 'not-sent' };
const broken: ReplicaReply = { outcome: 'unknown', reason: 'link-broken' };
const done: ReplicaReply = { outcome: 'ok', version: versionAt(1), record: undefined, clockMs: 0 };

function read(key: number): ReplicaRequest {
  return { operation: 'read-value', key: numberKey(key) };
}

function store(bytes: number): ReplicaRequest {
  const record = textRecord(versionAt(1), 'x'.repeat(bytes));
  return { operation: 'store', key: numberKey(0), record };
}

describe('PeerLink, for requests,', () => {
  let time: SimulatedTime;
  let dialer: FakeDialer;
  let link: PeerLink;
  let replies: ReplicaReply[];

  beforeEach(() => {
    time = new SimulatedTime();
    dialer = new FakeDialer(() => time.nowMs);
    replies = [];
    const clock = new SimulatedHost(time);
    const random = new SeededRandom(1);
    const ignore = () => undefined;
    link = new PeerLink(
      { clock, random, logger: silentLogger, dialer },
      {
        peer: 'b',
        pingPhase: 0,
        hello: () => helloOf('a'),
        judge: ignore,
        listener: {
          onWelcome: ignore,
          onLive: ignore,
          onNotLive: ignore,
          onRefused: () => undefined,
          onAttempted: ignore,
          onClock: ignore,
        },
      },
    );
    link.start();
  });

  const welcome = () => dialer.answer({ kind: 'welcome', hello: helloOf('b') });
  const send = (request: ReplicaRequest, timeoutMs = 1_000) =>
    link.send(request, time.nowMs + timeoutMs, (reply) => replies.push(reply));
  const turn = () => time.advance(0);
  const frames = () => dialer.stream.channel.take('requests');

  it('refuses what it is asked before it is up, as not sent', async () => {
    send(read(1));
    assert.deepEqual(replies, [notSent]);
    welcome();
    await turn();
    assert.deepEqual(frames(), []);
  });

  it('sends all of one turn in one frame, with ids of their own and the time left', async () => {
    welcome();
    send(read(1), 1_000);
    send(read(2), 30.9);
    assert.deepEqual(frames(), []);
    await turn();
    const [frame, ...others] = frames();
    assert.deepEqual(others, []);
    const sent = frame?.requests.map(({ timeoutMs, request }) => [timeoutMs, request]);
    assert.deepEqual(sent, [
      [1_000, read(1)],
      [30, read(2)],
    ]);
    assert.equal(new Set(frame?.requests.map(({ id }) => id)).size, 2);
    send(read(3));
    await turn();
    assert.equal(frames().length, 1);
  });

  it('asks for the newest clock once for all who ask before it leaves, for the longest of them', async () => {
    welcome();
    const ask = (timeoutMs: number) => send({ operation: 'query-clock' }, timeoutMs);
    ask(100);
    send(read(1));
    ask(300);
    ask(200);
    await turn();
    const [frame] = frames();
    const sent = frame?.requests.map(({ timeoutMs, request }) => [timeoutMs, request.operation]);
    assert.deepEqual(sent, [
      [300, 'query-clock'],
      [1_000, 'read-value'],
    ]);
    ask(50);
    await turn();
    const [later] = frames();
    assert.equal(later?.requests.length, 1);
    const replyTo = (id: number | undefined) =>
      dialer.answer({ kind: 'replies', replies: [{ id: id ?? 0, reply: done }] });
    replyTo(frame?.requests[0]?.id);
    assert.deepEqual(replies, [done, done, done]);
    replyTo(later?.requests[0]?.id);
    assert.equal(replies.length, 4);
  });

  it('lets nobody join a question for the newest clock whose time is over', async () => {
    welcome();
    const { channel, handlers } = dialer.stream;
    channel.hasRoom = false;
    send(read(1));
    await turn();
    // While the link is blocked, what waits grows too old; who asks when that ends, asks in time.
    const ask = (timeoutMs: number) => send({ operation: 'query-clock' }, timeoutMs);
    link.send(read(2), time.nowMs + 5, () => ask(1_000));
    ask(5);
    await time.advance(10);
    frames();
    channel.hasRoom = true;
    handlers.onDrain();
    await turn();
    const asked = frames().flatMap(({ requests }) => requests.map(({ request }) => request));
    assert.deepEqual(asked, [{ operation: 'query-clock' }]);
    assert.deepEqual(replies, [notSent]);
  });

  it('ends all who ask for the newest clock with the stream, and asks anew on the next', async () => {
    welcome();
    for (let count = 0; count < 2; count++) send({ operation: 'query-clock' });
    dialer.stream.handlers.onClosed('cut');
    assert.deepEqual(replies, [notSent, notSent]);
    await time.advance(1_000);
    welcome();
    send({ operation: 'query-clock' });
    await turn();
    assert.deepEqual(
      frames().flatMap(({ requests }) => requests.map(({ request }) => request.operation)),
      ['query-clock'],
    );
  });

  it('gives each reply to its request, once, in any order', async () => {
    welcome();
    const heard: string[] = [];
    const to = (name: string) => (reply: ReplicaReply) => heard.push(`${name} ${reply.outcome}`);
    link.send(read(1), time.nowMs + 100, to('first'));
    link.send(read(2), time.nowMs + 100, to('second'));
    await turn();
    const ids = frames().flatMap(({ requests }) => requests.map(({ id }) => id));
    const [first = 0, second = 0] = ids;
    const answer = (id: number, reply: ReplicaReply) =>
      dialer.answer({ kind: 'replies', replies: [{ id, reply }] });
    answer(second, done);
    answer(first, notSent);
    answer(second, broken);
    answer(4_000_000, done);
    assert.deepEqual(heard, ['second ok', 'first refused']);
    assert.equal(link.openRequests, 0);
  });

  it('splits a turn into frames of at most 1 MiB', async () => {
    welcome();
    for (let index = 0; index < 5; index++) send(store(400_000));
    await turn();
    assert.deepEqual(
      frames().map(({ requests }) => requests.length),
      [2, 2, 1],
    );
  });

  it('ends sent requests as unknown and unsent ones as not sent when it breaks', async () => {
    welcome();
    send(read(1));
    await turn();
    send(read(2));
    dialer.stream.handlers.onClosed('connection reset');
    assert.deepEqual(replies, [broken, notSent]);
    assert.equal(link.openRequests, 0);
  });

  it('sends nothing again on the next stream', async () => {
    welcome();
    send(read(1));
    await turn();
    send(read(2));
    dialer.stream.handlers.onClosed('connection reset');
    await time.advance(100);
    welcome();
    send(read(3));
    await turn();
    assert.equal(dialer.streams.length, 2);
    const sent = frames().flatMap(({ requests }) => requests.map(({ request }) => request));
    assert.deepEqual(sent, [read(3)]);
    assert.equal(replies.length, 2);
  });

  it('takes no reply of an old stream for one of the new', async () => {
    welcome();
    send(read(1));
    await turn();
    const [old] = dialer.streams;
    dialer.stream.handlers.onClosed('connection reset');
    await time.advance(100);
    welcome();
    send(read(2));
    await turn();
    const id = frames()[0]?.requests[0]?.id ?? 0;
    old?.handlers.onFrame({ kind: 'replies', replies: [{ id, reply: done }] });
    assert.deepEqual(replies, [broken]);
  });

  it('holds back while the channel is full, and goes on when it drains', async () => {
    welcome();
    const { channel, handlers } = dialer.stream;
    channel.hasRoom = false;
    for (let index = 0; index < 3; index++) send(store(600_000));
    await turn();
    assert.equal(frames().length, 1);
    send(read(1));
    await turn();
    assert.equal(frames().length, 0);
    channel.hasRoom = true;
    handlers.onDrain();
    const sent = frames().flatMap(({ requests }) => requests.map(({ request }) => request));
    assert.deepEqual(
      sent.map(({ operation }) => operation),
      ['store', 'store', 'read-value'],
    );
  });

  it('knows what was not sent behind a full channel', async () => {
    welcome();
    dialer.stream.channel.hasRoom = false;
    send(store(600_000));
    send(store(600_000));
    await turn();
    dialer.stream.handlers.onClosed('connection reset');
    assert.deepEqual(replies, [broken, notSent]);
  });

  it(`takes ${linkRequestsMax} requests at once and no more until one is answered`, async () => {
    welcome();
    for (let index = 0; index < linkRequestsMax; index++) send(read(1));
    assert.equal(link.hasRoom(1), false);
    assert.deepEqual(replies, []);
    send(read(2));
    assert.deepEqual(replies, [notSent]);
    await turn();
    const id = frames()[0]?.requests[0]?.id ?? 0;
    dialer.answer({ kind: 'replies', replies: [{ id, reply: done }] });
    assert.equal(link.hasRoom(1), true);
  });

  it('takes 32 MiB at once and no more until some is answered', async () => {
    welcome();
    for (let sent = 0; sent < 31; sent++) send(store(1024 * 1024));
    assert.equal(link.hasRoom(linkBytesMax), false);
    send(store(2 * 1024 * 1024));
    assert.deepEqual(replies, [notSent]);
    assert.equal(link.hasRoom(900_000), true);
    await turn();
    const id = frames()[0]?.requests[0]?.id ?? 0;
    dialer.answer({ kind: 'replies', replies: [{ id, reply: done }] });
    assert.equal(link.hasRoom(1_900_000), true);
    dialer.stream.handlers.onClosed('connection reset');
    await time.advance(100);
    welcome();
    assert.equal(link.hasRoom(linkBytesMax), true);
  });

  it('refuses what has no time left, as not sent', async () => {
    welcome();
    send(read(1), 0);
    send(read(1), 0.9);
    await turn();
    assert.deepEqual(replies, [notSent, notSent]);
    assert.deepEqual(frames(), []);
  });

  it('ends a request without an answer within 500 ms of its deadline', async () => {
    welcome();
    send(read(1), 1_200);
    for (let passedMs = 0; passedMs < 1_000; passedMs += 250) {
      await time.advance(250);
      dialer.pong();
    }
    assert.deepEqual(replies, []);
    await time.advance(700);
    assert.deepEqual(replies, [{ outcome: 'unknown', reason: 'timed-out' }]);
  });

  it('ends each request exactly once when it is stopped', async () => {
    welcome();
    send(read(1));
    await turn();
    link.stop();
    send(read(2));
    assert.deepEqual(replies, [broken, notSent]);
  });

  it('loses no request that is asked while overdue ones end in the same turn', async () => {
    welcome();
    const clock = time.nowMs;
    link.send(read(1), clock + 0.5, () => link.send(read(2), clock + 1_000, () => undefined));
    send(read(3));
    await turn();
    await turn();
    const keys = frames().flatMap(({ requests }) =>
      requests.map(({ request }) => 'key' in request && request.key[0]),
    );
    assert.deepEqual(keys, [3, 2]);
  });
});
