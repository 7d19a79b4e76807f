import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { LinkRequest, ResponseFrame } from '../../src/links/frames.ts';
import { PeerSession, type PeerSessionOptions } from '../../src/links/peer-session.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';
import { ableToAll, FakeChannel, helloOf } from './fake-streams.ts';

const done: ReplicaReply = { outcome: 'ok', version: versionAt(1), record: undefined, clockMs: 0 };

function reading(id: number, timeoutMs = 1_000): LinkRequest {
  return { id, timeoutMs, request: { operation: 'read-value', key: numberKey(id) } };
}

describe('PeerSession', () => {
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let channel: FakeChannel<ResponseFrame>;
  let session: PeerSession;
  let batches: (readonly ReplicaRequest[])[];
  let respond: (index: number, reply: ReplicaReply) => void;
  let verdict: ReturnType<PeerSessionOptions['admit']>;
  let ended: number;

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    channel = new FakeChannel();
    batches = [];
    ended = 0;
    verdict = { welcome: helloOf('b') };
    const service = {
      standing: ableToAll,
      handle: (requests: readonly ReplicaRequest[], onReply: typeof respond) => {
        batches.push(requests);
        respond = onReply;
      },
    };
    session = new PeerSession(
      { clock, service },
      { admit: () => verdict, onEnded: () => ended++ },
      channel,
    );
  });

  const greet = () => session.onFrame({ kind: 'hello', hello: helloOf('a') });
  const ask = (...requests: LinkRequest[]) => session.onFrame({ kind: 'requests', requests });
  const turn = () => time.advance(0);

  it('answers a hello with its own, and knows its peer from then on', () => {
    assert.equal(session.peer, undefined);
    greet();
    assert.deepEqual(channel.sent, [{ kind: 'welcome', hello: helloOf('b') }]);
    assert.deepEqual(session.peer, helloOf('a'));
  });

  it('answers a hello that is not admitted with the refusal and ends', () => {
    const refusal = { reason: 'ring', message: 'the rings differ' } as const;
    verdict = { refusal };
    greet();
    assert.deepEqual(channel.sent, [{ kind: 'refusal', refusal }]);
    assert.equal(channel.isClosed, true);
    assert.equal(session.peer, undefined);
    assert.equal(session.isLive(), false);
    assert.equal(ended, 1);
  });

  for (const frame of [
    { kind: 'requests', requests: [reading(1)] },
    { kind: 'ping', id: 1 },
  ] as const) {
    it(`refuses ${frame.kind} before a hello and asks its replica nothing`, () => {
      session.onFrame(frame);
      assert.deepEqual(
        channel.sent.map((sent) => sent.kind === 'refusal' && sent.refusal.reason),
        ['protocol'],
      );
      assert.equal(channel.isClosed, true);
      assert.deepEqual(batches, []);
      greet();
      assert.equal(session.peer, undefined);
    });
  }

  it('refuses a second hello', () => {
    greet();
    greet();
    assert.equal(channel.take('refusal')[0]?.refusal.reason, 'protocol');
    assert.equal(channel.isClosed, true);
  });

  it('answers a ping at once with its clock', () => {
    greet();
    session.onFrame({ kind: 'ping', id: 9 });
    assert.deepEqual(channel.take('pong'), [
      { kind: 'pong', id: 9, clockMs: clock.realtimeMs(), standing: ableToAll },
    ]);
  });

  it('hands requests that arrived together to the replica together', () => {
    greet();
    ask(reading(5), reading(6));
    assert.deepEqual(batches, [[reading(5).request, reading(6).request]]);
  });

  it('drops requests whose time is over, and answers the others by their id', async () => {
    greet();
    ask(reading(5, 0), reading(6));
    assert.deepEqual(batches, [[reading(6).request]]);
    respond(0, done);
    await turn();
    assert.deepEqual(channel.take('replies')[0]?.replies, [{ id: 6, reply: done }]);
  });

  it('sends the answers of one turn in one frame', async () => {
    greet();
    ask(reading(5), reading(6));
    respond(1, done);
    respond(0, done);
    assert.deepEqual(channel.take('replies'), []);
    await turn();
    const replies = [
      { id: 6, reply: done },
      { id: 5, reply: done },
    ];
    assert.deepEqual(channel.take('replies'), [{ kind: 'replies', replies }]);
    ask(reading(7));
    respond(0, done);
    await turn();
    assert.equal(channel.take('replies').length, 1);
  });

  it('splits answers into frames of at most 1 MiB', async () => {
    const record = textRecord(versionAt(1), 'x'.repeat(600_000));
    greet();
    ask(reading(5), reading(6), reading(7));
    for (const index of [0, 1, 2]) respond(index, { ...done, record });
    await turn();
    assert.deepEqual(
      channel.take('replies').map(({ replies }) => replies.length),
      [1, 1, 1],
    );
  });

  it('holds answers back while the channel is full, and goes on when it drains', async () => {
    greet();
    ask(reading(5), reading(6), reading(7));
    channel.hasRoom = false;
    respond(0, done);
    await turn();
    respond(1, done);
    await turn();
    respond(2, done);
    assert.equal(channel.take('replies').length, 1);
    channel.hasRoom = true;
    session.onDrain();
    const ids = channel.take('replies').flatMap(({ replies }) => replies.map(({ id }) => id));
    assert.deepEqual(ids, [6, 7]);
  });

  it('is live until its peer was not heard for more than 1.5 s', async () => {
    greet();
    await time.advance(1_500);
    assert.equal(session.isLive(), true);
    await time.advance(1);
    assert.equal(session.isLive(), false);
    session.onFrame({ kind: 'ping', id: 1 });
    assert.equal(session.isLive(), true);
  });

  it('answers nothing after its end, and ends once', async () => {
    greet();
    ask(reading(5), reading(6));
    respond(0, done);
    session.onClosed();
    respond(1, done);
    await turn();
    session.onDrain();
    session.onFrame({ kind: 'ping', id: 1 });
    session.close();
    assert.deepEqual(channel.take('replies'), []);
    assert.deepEqual(channel.take('pong'), []);
    assert.equal(session.isLive(), false);
    assert.equal(ended, 1);
  });

  it('reads values only while there is room for them behind a slow stream', async () => {
    const record = textRecord(versionAt(1), 'x'.repeat(1024 * 1024));
    const reply = { outcome: 'ok', version: versionAt(1), record, clockMs: 0 } as const;
    let valuesRead = 0;
    const service = {
      standing: ableToAll,
      handle: (requests: readonly ReplicaRequest[], answer: typeof respond) => {
        for (const index of requests.keys()) {
          valuesRead++;
          answer(index, reply);
        }
      },
    };
    const admit = () => ({ welcome: helloOf('b') });
    session = new PeerSession({ clock, service }, { admit, onEnded: () => undefined }, channel);
    greet();
    channel.hasRoom = false;
    ask(...Array.from({ length: 100 }, (_, id) => reading(id, 60_000)));
    await turn();
    assert.ok(valuesRead >= 16 && valuesRead <= 33, `${valuesRead} values were read`);
    channel.hasRoom = true;
    for (let round = 0; round < 10; round++) {
      session.onDrain();
      await turn();
    }
    assert.equal(valuesRead, 100, 'it goes on when the stream drains');
    const replies = channel.take('replies').flatMap((frame) => frame.replies);
    assert.equal(replies.length, 100);
  });

  it('goes on to the reads behind those whose time is over', async () => {
    const record = textRecord(versionAt(1), 'x'.repeat(1024 * 1024));
    const reply = { outcome: 'ok', version: versionAt(1), record, clockMs: 0 } as const;
    let valuesRead = 0;
    const service = {
      standing: ableToAll,
      handle: (requests: readonly ReplicaRequest[], answer: typeof respond) => {
        valuesRead += requests.length;
        for (const index of requests.keys()) answer(index, reply);
      },
    };
    const admit = () => ({ welcome: helloOf('b') });
    session = new PeerSession({ clock, service }, { admit, onEnded: () => undefined }, channel);
    greet();
    channel.hasRoom = false;
    const filling = Array.from({ length: 40 }, (_, id) => reading(id, 60_000));
    const brief = Array.from({ length: 40 }, (_, at) => reading(100 + at, 50));
    const patient = Array.from({ length: 5 }, (_, at) => reading(200 + at, 60_000));
    ask(...filling, ...brief, ...patient);
    await time.advance(100);
    channel.hasRoom = true;
    session.onDrain();
    await turn();
    assert.equal(valuesRead, filling.length + patient.length);
  });
});
