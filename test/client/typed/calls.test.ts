/** Calls of the typed client over nodes that do as they are told, in virtual time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';

const overloaded = () => new QuorateError('OVERLOADED', { mayHaveApplied: false });
const notReady = () => new QuorateError('NODE_NOT_READY', { mayHaveApplied: false });
const tooFew = () =>
  new QuorateError('NOT_ENOUGH_REPLICAS', { required: 2, alive: 1, mayHaveApplied: false });
const uncertain = () =>
  new QuorateError('WRITE_TIMEOUT', { required: 2, received: 1, mayHaveApplied: true });

/** Keys of the first quarter of the ring: a, b and c hold them. */
const key = 7;

/** The nodes that a key of it was sent to, in order of their names. */
const asked = (cluster: FakeCluster) =>
  [...cluster.nodes.values()].flatMap(({ name, calls }) => calls.map(() => name));

/** What became of a promise, once it has ended. */
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => QuorateError.from(error),
  );

const until = (cluster: FakeCluster, promise: Promise<unknown>) =>
  cluster.time.settle(outcome(promise));

/** The error that a call ends with. */
async function errorOf(cluster: FakeCluster, promise: Promise<unknown>): Promise<QuorateError> {
  const ended = await until(cluster, promise);
  assert.ok(ended instanceof QuorateError, 'it ended well');
  return ended;
}

describe('pipelining', () => {
  it('sends what is called in one turn in one message', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    const calls = Array.from({ length: 100 }, (_, index) => client.put(`k${index}`, 'x'));
    calls.push(...Array.from({ length: 50 }, async () => client.delete('k')));
    await until(cluster, Promise.all(calls));
    assert.deepEqual(
      cluster.node('a').messages.map(({ length }) => length),
      [150],
    );
  });

  it('splits what is too much for one message', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    const large = 'x'.repeat(200 * 1024);
    await until(cluster, Promise.all([1, 2, 3, 4].map((each) => client.put(each, large))));
    assert.deepEqual(
      cluster.node('a').messages.map(({ length }) => length),
      [2, 2],
    );
  });

  it('gives a node no more than it takes, and the rest as it answers', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').latencyMs = 10;
    const all = Promise.all(Array.from({ length: 6_000 }, (_, index) => client.get(`k${index}`)));
    await cluster.time.advance(5);
    assert.equal(cluster.node('a').calls.length, 2_048);
    assert.equal(await until(cluster, all), 'done');
    assert.equal(cluster.node('a').calls.length, 6_000);
  });

  it('sends nothing while the stream takes nothing, and what waited when it does', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').takesMore = false;
    const first = client.get(1);
    await cluster.time.advance(1);
    const second = client.get(2);
    await cluster.time.advance(20);
    assert.equal(cluster.node('a').messages.length, 1);
    cluster.node('a').drained();
    await until(cluster, Promise.all([first, second]));
    assert.equal(cluster.node('a').messages.length, 2);
  });

  it('sends no second message when the first has filled the stream', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').takesMore = false;
    const large = 'x'.repeat(300 * 1024);
    const both = Promise.all([client.put(1, large), client.put(2, large)]);
    await cluster.time.advance(20);
    assert.equal(cluster.node('a').messages.length, 1);
    cluster.node('a').drained();
    assert.equal(await until(cluster, both), 'done');
  });

  it('tells the node how long the caller still waits', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    await until(cluster, client.get(1, { timeoutMs: 300 }));
    assert.equal(cluster.node('a').calls[0]?.timeoutMs, 300);
  });
});

describe('routing', () => {
  it('asks the replica that answers soonest', async () => {
    const cluster = new FakeCluster();
    cluster.node('a').latencyMs = 20;
    cluster.node('b').latencyMs = 2;
    cluster.node('c').latencyMs = 10;
    cluster.node('d').latencyMs = 0;
    const client = await cluster.connect({ isHedging: false });
    for (let round = 0; round < 50; round++) await until(cluster, client.get(key));
    const names = asked(cluster);
    assert.ok(names.filter((name) => name === 'b').length >= 45, names.join());
    assert.ok(!names.includes('d'), 'it holds no such key');
  });

  it('leaves a node that is silent, before its calls time out', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect({ isHedging: false });
    for (let round = 0; round < 10; round++) await until(cluster, client.put(key, 'x'));
    cluster.node('a').habit = 'silence';
    const before = cluster.node('a').calls.length;
    const puts: Promise<unknown>[] = [];
    for (let round = 0; round < 100; round++) {
      puts.push(outcome(client.put(key, 'y')));
      await cluster.time.advance(2);
    }
    await cluster.time.advance(2_100);
    await Promise.all(puts);
    assert.ok(cluster.node('a').calls.length - before < 15);
  });

  it('leaves a node that sees too few others, but not for a level that needs all of them', async () => {
    for (const [consistency, isLeft] of [
      ['QUORUM', true],
      ['ALL', false],
      ['THREE', false],
    ] as const) {
      const cluster = new FakeCluster();
      cluster.node('a').latencyMs = 2;
      for (const name of ['b', 'c']) cluster.node(name).latencyMs = 10;
      const client = await cluster.connect({ isHedging: false });
      for (let round = 0; round < 50; round++) await until(cluster, client.get(key));
      cluster.node('a').plans = [tooFew()];
      await until(cluster, client.get(key, { consistency }));
      const before = cluster.node('a').calls.length;
      for (let round = 0; round < 10; round++) await until(cluster, client.get(key));
      assert.equal(cluster.node('a').calls.length - before, isLeft ? 0 : 10, consistency);
    }
  });

  it('uses any node where no replica is up, or the ring is not known', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const name of ['a', 'b', 'c']) cluster.node(name).kill();
    assert.equal(await until(cluster, client.put(key, 'x')), 'done');
    assert.deepEqual(cluster.writes, ['d 7=x']);
    const newer = new FakeCluster();
    newer.describe = (node) => {
      const description = FakeCluster.prototype.describe.call(newer, node);
      const nodes = description.nodes.map((each) => ({ ...each, tokensOwned: 1 }));
      return { ...description, nodes };
    };
    assert.equal(await until(newer, (await newer.connect()).put(key, 'x')), 'done');
  });

  it('has one coordinator do everything where one is named', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect({ coordinator: 'd' });
    for (let byte = 0; byte < 256; byte += 16) await until(cluster, client.put(byte, 'x'));
    assert.deepEqual(new Set(asked(cluster)), new Set(['d']));
    cluster.node('d').kill();
    const { code, mayHaveApplied } = await errorOf(cluster, client.put(key, 'x'));
    assert.deepEqual([code, mayHaveApplied], ['NO_COORDINATOR', false]);
  });

  it('stays away from a node of another cluster', async () => {
    const cluster = new FakeCluster();
    cluster.node('b').clusterName = 'another';
    const client = await cluster.connect();
    for (let byte = 0; byte < 256; byte++) await until(cluster, client.put(byte, 'x'));
    assert.equal(cluster.node('b').calls.length, 0);
  });
});

describe('failover', () => {
  it('asks another node when the one that has a read dies', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    await until(cluster, client.put(key, 'x'));
    for (const node of cluster.nodes.values()) node.plans = ['silence'];
    const read = client.get(key);
    await cluster.time.advance(5);
    const [first = ''] = asked(cluster).slice(-1);
    cluster.node(first).kill();
    for (const node of cluster.nodes.values()) node.plans = [];
    assert.equal(await cluster.time.settle(read), 'x');
  });

  it('says that a write is uncertain when the node that has it dies, and sends it to nobody else', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.habit = 'silence';
    const write = outcome(client.put(key, 'x'));
    await cluster.time.advance(5);
    const [first = ''] = asked(cluster);
    cluster.node(first).kill();
    const error = await cluster.time.settle(write);
    assert.ok(error instanceof QuorateError);
    assert.deepEqual([error.code, error.mayHaveApplied], ['CONNECTION_FAILED', true]);
    await cluster.time.advance(5_000);
    assert.equal(asked(cluster).length, 1);
  });

  it('has another node do what was not sent yet', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.takesMore = false;
    const first = outcome(client.put(key, 'first'));
    await cluster.time.advance(1);
    const [name = ''] = asked(cluster);
    await cluster.time.settle(first);
    // Its stream takes nothing, so these wait here.
    for (const node of cluster.nodes.values()) node.latencyMs = node.name === name ? 0 : 50;
    const rest = Array.from({ length: 3 }, () => client.put(key, 'rest'));
    await cluster.time.advance(1);
    cluster.node(name).kill();
    for (const node of cluster.nodes.values()) if (node.name !== name) node.drained();
    assert.equal(await until(cluster, Promise.all(rest)), 'done');
    assert.equal(cluster.writes.filter((write) => write.endsWith('rest')).length, 3);
  });

  it('has another node do what a stopping node never looked at', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.plans = ['silence'];
    const write = client.put(key, 'x');
    await cluster.time.advance(5);
    const [first = ''] = asked(cluster);
    cluster.node(first).drain();
    for (const node of cluster.nodes.values()) node.plans = [];
    assert.equal(await until(cluster, write), 'done');
    assert.equal(cluster.writes.length, 1);
  });

  it('waits for a node while none is there, and comes back in any order of restarts', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const order of ['abcd', 'dcba', 'bdac']) {
      for (const node of cluster.nodes.values()) node.kill();
      await cluster.time.advance(20_000);
      const write = client.put(key, order, { timeoutMs: 10_000 });
      for (const name of order) {
        await cluster.time.advance(1_500);
        cluster.node(name).restart();
      }
      assert.equal(await until(cluster, write), 'done');
      assert.equal(cluster.store.get('7'), order);
      await cluster.time.advance(3_000);
      const before = new Map([...cluster.nodes].map(([name, { calls }]) => [name, calls.length]));
      for (let byte = 0; byte < 256; byte += 4) await until(cluster, client.get(byte));
      for (const [name, { calls }] of cluster.nodes) {
        assert.ok(calls.length > (before.get(name) ?? 0), `${name} is used again`);
      }
    }
  });

  it('finds nodes that moved, where the seeds say they are', async () => {
    const cluster = new FakeCluster();
    cluster.describe = (node) => {
      const description = FakeCluster.prototype.describe.call(cluster, node);
      const nodes = description.nodes.filter(({ name }) => name === node.name);
      return { ...description, nodes };
    };
    const client = await cluster.connect();
    cluster.node('a').kill();
    cluster.seeds = ['d'];
    assert.equal(await until(cluster, client.put(key, 'x', { timeoutMs: 5_000 })), 'done');
  });

  it('says why when no node can be reached', async () => {
    const cluster = new FakeCluster();
    cluster.seeds = ['a', 'b'];
    cluster.node('a').kill();
    cluster.node('b').status = 'initializing';
    const { code, message } = await errorOf(cluster, cluster.calls().connect(3_000));
    assert.equal(code, 'NO_COORDINATOR');
    assert.match(message, /a:1: refused.*b:1: the node is initializing/);
  });
});

describe('retries', () => {
  it('send what was refused for one node to another, once for each', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const name of ['a', 'b']) cluster.node(name).habit = notReady();
    cluster.node('c').latencyMs = 20;
    assert.equal(await until(cluster, client.put(key, 'x')), 'done');
    assert.deepEqual(asked(cluster), ['a', 'b', 'c']);
  });

  it('wait longer each time when it is the cluster that refuses, and end with its error', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.habit = tooFew();
    const startMs = cluster.time.nowMs;
    const error = await errorOf(cluster, client.put(key, 'x'));
    assert.deepEqual([error.code, error.details['alive']], ['NOT_ENOUGH_REPLICAS', 1]);
    assert.ok(cluster.time.nowMs - startMs <= 2_000);
    const tries = asked(cluster).length;
    assert.ok(tries >= 4 && tries <= 9, `${tries} tries`);
  });

  it('wait as long as an overloaded node asks for', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.plans = [overloaded()];
    const startMs = cluster.time.nowMs;
    const write = outcome(client.put(key, 'x'));
    await cluster.time.advance(50);
    assert.equal(asked(cluster).length, 1);
    assert.equal(await cluster.time.settle(write), 'done');
    assert.ok(cluster.time.nowMs - startMs >= 60);
  });

  it('are not made of a write that may have been applied, nor of what is wrong', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    const wrong = new QuorateError('INVALID_KEY', { mayHaveApplied: false });
    for (const refused of [uncertain(), wrong, new QuorateError('OVERLOADED')]) {
      for (const node of cluster.nodes.values()) node.plans = [refused];
      const before = asked(cluster).length;
      const error = await errorOf(cluster, client.put(key, 'x'));
      assert.equal(error.code, refused.code);
      assert.equal(asked(cluster).length - before, 1, refused.code);
    }
  });

  it('stay within a budget, which answers and time fill again', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.habit = tooFew();
    const fail = async () => {
      const before = asked(cluster).length;
      const calls = Array.from({ length: 1_000 }, () => outcome(client.get(key)));
      await cluster.time.settle(Promise.all(calls));
      return asked(cluster).length - before - 1_000;
    };
    const first = await fail();
    assert.ok(first >= 200 && first <= 230, `${first} retries`);
    const second = await fail();
    assert.ok(second <= 30, `${second} retries`);
    for (const node of cluster.nodes.values()) node.habit = 'answer';
    const answered = Array.from({ length: 1_500 }, () => client.get(key));
    await until(cluster, Promise.all(answered));
    for (const node of cluster.nodes.values()) node.habit = tooFew();
    assert.ok((await fail()) >= 150);
  });
});

describe('hedged reads', () => {
  /** A client that knows how long reads take: 1 ms. */
  const warm = async (cluster: FakeCluster) => {
    const client = await cluster.connect();
    for (let round = 0; round < 200; round++) await until(cluster, client.get(key));
    return client;
  };

  it('ask a second node when the first is slower than nearly all are, and no third', async () => {
    const cluster = new FakeCluster();
    const client = await warm(cluster);
    await until(cluster, client.put(key, 'x'));
    const before = asked(cluster).length;
    for (const node of cluster.nodes.values()) node.latencyMs = 100;
    const startMs = cluster.time.nowMs;
    for (const node of cluster.nodes.values()) node.plans = ['silence'];
    const read = client.get(key);
    await cluster.time.advance(1);
    const [first = ''] = asked(cluster).slice(before);
    for (const node of cluster.nodes.values()) if (node.name !== first) node.plans = [];
    assert.equal(await cluster.time.settle(read), 'x');
    assert.equal(asked(cluster).length - before, 2);
    assert.ok(cluster.time.nowMs - startMs < 120);
  });

  it('are never writes', async () => {
    const cluster = new FakeCluster();
    const client = await warm(cluster);
    const before = asked(cluster).length;
    for (const node of cluster.nodes.values()) node.latencyMs = 200;
    await until(cluster, client.put(key, 'x'));
    assert.equal(asked(cluster).length - before, 1);
    assert.equal(cluster.writes.length, 1);
  });

  it('are not made where they are switched off, or one coordinator is named', async () => {
    for (const init of [{ isHedging: false }, { coordinator: 'a' }]) {
      const cluster = new FakeCluster();
      const client = await cluster.connect(init);
      for (let round = 0; round < 200; round++) await until(cluster, client.get(key));
      for (const node of cluster.nodes.values()) node.latencyMs = 200;
      await until(cluster, client.get(key));
      assert.equal(asked(cluster).length, 201);
    }
  });

  it('fail only when both have failed', async () => {
    const cluster = new FakeCluster();
    const client = await warm(cluster);
    await until(cluster, client.put(key, 'x'));
    const refused = () => new QuorateError('INTERNAL', { reason: 'a bug' });
    const before = asked(cluster).length;
    for (const node of cluster.nodes.values()) {
      node.latencyMs = 50;
      node.plans = [refused()];
    }
    const read = outcome(client.get(key));
    await cluster.time.advance(1);
    const [first = ''] = asked(cluster).slice(before);
    for (const node of cluster.nodes.values()) if (node.name !== first) node.plans = [];
    assert.equal(await cluster.time.settle(read), 'done', 'the second one answers');
    for (const node of cluster.nodes.values()) node.habit = refused();
    assert.equal((await errorOf(cluster, client.get(key))).code, 'INTERNAL');
  });
});

describe('the end of a call', () => {
  it('comes at its deadline, and says whether a write may be applied', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect();
    for (const node of cluster.nodes.values()) node.habit = 'silence';
    const startMs = cluster.time.nowMs;
    const read = outcome(client.get(key, { timeoutMs: 300 }));
    const write = outcome(client.put(key, 'x', { timeoutMs: 300 }));
    const [readError, writeError] = await cluster.time.settle(Promise.all([read, write]));
    assert.ok(readError instanceof QuorateError && writeError instanceof QuorateError);
    assert.deepEqual([readError.code, readError.mayHaveApplied], ['READ_TIMEOUT', false]);
    assert.deepEqual([writeError.code, writeError.mayHaveApplied], ['WRITE_TIMEOUT', true]);
    assert.ok(cluster.time.nowMs - startMs <= 320);
  });

  it('at its deadline says that a write which was never sent is not applied', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').takesMore = false;
    await until(cluster, client.get(key));
    const error = await errorOf(cluster, client.put(key, 'x', { timeoutMs: 300 }));
    assert.deepEqual([error.code, error.mayHaveApplied], ['WRITE_TIMEOUT', false]);
    cluster.node('a').drained();
    await cluster.time.advance(1_000);
    assert.deepEqual(cluster.writes, [], 'it is not sent afterwards');
  });

  it('comes when its signal is aborted, before or after it is sent', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').latencyMs = 100;
    const abort = new AbortController();
    const early = new AbortController();
    const sent = outcome(client.put(key, 'x', { signal: abort.signal }));
    await cluster.time.advance(1);
    const unsent = outcome(client.put(key, 'y', { signal: early.signal }));
    early.abort();
    abort.abort(new Error('enough'));
    const never = await errorOf(cluster, client.put(key, 'z', { signal: abort.signal }));
    assert.deepEqual([never.code, never.mayHaveApplied], ['CANCELLED', false]);
    const [sentError, unsentError] = await Promise.all([sent, unsent]);
    assert.ok(sentError instanceof QuorateError && unsentError instanceof QuorateError);
    assert.deepEqual([sentError.code, sentError.mayHaveApplied], ['CANCELLED', true]);
    assert.deepEqual([unsentError.code, unsentError.mayHaveApplied], ['CANCELLED', false]);
    assert.match(String(sentError.cause), /enough/);
    await cluster.time.advance(1_000);
    assert.deepEqual(cluster.writes, ['a 7=x']);
  });

  it('is waited for when the client is closed, and others are refused', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').latencyMs = 100;
    const write = outcome(client.put(key, 'x'));
    const closed = client.calls.close();
    const late = await errorOf(cluster, client.get(key));
    assert.deepEqual([late.code, late.mayHaveApplied], ['CANCELLED', false]);
    await cluster.time.settle(closed);
    assert.equal(await write, 'done');
    const { connections } = cluster.node('a');
    await cluster.time.advance(60_000);
    assert.equal(cluster.node('a').connections, connections, 'it does not connect again');
  });

  it('comes at once where too many calls are open', async () => {
    const cluster = new FakeCluster(['a']);
    const client = await cluster.connect();
    cluster.node('a').habit = 'silence';
    const calls = Array.from({ length: 65_537 }, () => outcome(client.get(key)));
    const last = await cluster.time.settle(calls[65_536] ?? outcome(client.get(key)));
    assert.ok(last instanceof QuorateError);
    assert.deepEqual([last.code, last.mayHaveApplied], ['OVERLOADED', false]);
    await cluster.time.settle(Promise.all(calls));
  });
});

describe('without pipelining', () => {
  it('a call is retried, and a lost write is uncertain, in the same way', async () => {
    const cluster = new FakeCluster();
    const client = await cluster.connect({ isPipelining: false });
    for (const name of ['a', 'b']) cluster.node(name).habit = notReady();
    assert.equal(await until(cluster, client.put(key, 'x')), 'done');
    const lost = new QuorateError('CONNECTION_FAILED', { mayHaveApplied: true, reason: 'lost' });
    for (const node of cluster.nodes.values()) node.plans = [lost];
    const error = await errorOf(cluster, client.put(key, 'x'));
    assert.deepEqual([error.code, error.mayHaveApplied], ['CONNECTION_FAILED', true]);
    assert.equal(await until(cluster, client.get(key)), 'done');
  });
});
