/** A client of a cluster whose nodes answer as told: whom it asks, and what it sends twice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { GetAnswer, WriteAnswer } from '../../src/client/answers.ts';
import { ClusterClient } from '../../src/client/cluster-client.ts';
import {
  type CoordinatorClient,
  CoordinatorFinder,
  type LeftNode,
} from '../../src/client/coordinator-finder.ts';
import type { NodeAddress } from '../../src/ring/node-address.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const stored: WriteAnswer = { version: 'v1', writeTimeMs: 0, explanation: undefined };
const absent: GetAnswer = { ...stored, value: undefined, expireTimeMs: undefined };
const text = { kind: 'text', text: 'a' } as const;

const refused = () =>
  new QuorateError('CONNECTION_FAILED', { mayHaveApplied: false, reason: 'refused' });
/** What a client says of a write whose connection broke after it was sent. */
const lost = () => new QuorateError('CONNECTION_FAILED', { mayHaveApplied: true, reason: 'lost' });
const notReady = () => new QuorateError('NODE_NOT_READY', { mayHaveApplied: false });
const silent = () => new QuorateError('READ_TIMEOUT', { reason: 'no answer in time' });

const addressOf = (name: string, port: number): NodeAddress => ({ name, host: 'h', port });
const nodes = ['a', 'b', 'c'].map((name, index) => addressOf(name, index + 1));

/** A cluster as told: nodes refuse connections while they are dead, calls end as planted. */
class ToldCluster {
  readonly dead = new Set<string>();
  /** How the next calls through a node end. */
  readonly planted = new Map<string, QuorateError[]>();
  /** `connect a`, `put a`…, in order; connections that are up are not counted. */
  readonly log: string[] = [];
  readonly moves: string[] = [];
  readonly open = new Set<object>();
  /** What puts wait for. */
  held: Promise<void> = Promise.resolve();
  listing: () => Promise<readonly NodeAddress[]> = async () => nodes;
  listings = 0;
  readonly client: ClusterClient;

  constructor(seed = 1) {
    const finder = new CoordinatorFinder({
      clock: new SimulatedHost(new SimulatedTime()),
      random: new SeededRandom(seed),
      nodes: {
        list: () => {
          this.listings++;
          return this.listing();
        },
      },
      open: (address) => this.#open(address),
    });
    this.client = new ClusterClient(finder, { timeoutMs: 2_000, onMoved: this.#onMoved });
  }

  plant(name: string, ...errors: readonly QuorateError[]): void {
    this.planted.set(name, [...errors]);
  }

  /** What was done since the last time. */
  take(): readonly string[] {
    return this.log.splice(0);
  }

  /** The node that the last call went through. */
  async current(): Promise<string> {
    await this.client.get(1);
    const last = this.take().at(-1) ?? '';
    return last.slice(-1);
  }

  readonly #onMoved = (left: readonly LeftNode[], to: NodeAddress) => {
    const from = left.map(({ node, error }) => `${node.name} ${error.code}`);
    this.moves.push([...from, `to ${to.name}`].join(', '));
  };

  #open(address: string): CoordinatorClient {
    const name = 'abc'[Number(address.slice(2)) - 1] ?? '';
    let isConnected = false;
    const call = async <T>(what: string, answer: T): Promise<T> => {
      this.log.push(`${what} ${name}`);
      const error = this.planted.get(name)?.shift();
      if (error !== undefined) throw error;
      return answer;
    };
    const client: CoordinatorClient = {
      connect: async () => {
        if (!isConnected || this.dead.has(name)) this.log.push(`connect ${name}`);
        if (this.dead.has(name)) throw refused();
        isConnected = true;
      },
      get: () => call('get', absent),
      put: async () => {
        const answer = await call('put', stored);
        await this.held;
        return answer;
      },
      delete: () => call('delete', stored),
      locate: () => call('locate', { token: 0, preferenceList: [], ringEpoch: 1 }),
      describeCluster: () => Promise.reject(new QuorateError('INTERNAL')),
      listHints: () => call('hints', []),
      dropHints: () => call('drop', 0),
      listEntries: async function* () {
        yield* await call('entries', []);
      },
      close: () => this.open.delete(client),
    };
    this.open.add(client);
    return client;
  }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'OK',
    (error: unknown) => QuorateError.from(error).code,
  );
const others = (name: string) => nodes.filter((node) => node.name !== name);

describe('a client of a cluster', () => {
  it('asks ZooKeeper once and one node from then on', async () => {
    const cluster = new ToldCluster();
    for (let call = 0; call < 5; call++) await cluster.client.put(1, text);
    const used = new Set(cluster.take().map((line) => line.slice(-1)));
    assert.deepEqual([used.size, cluster.listings, cluster.moves.length], [1, 1, 1]);
  });

  it('takes a node at random', async () => {
    const taken = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) taken.add(await new ToldCluster(seed).current());
    assert.deepEqual([...taken].sort(), ['a', 'b', 'c']);
  });

  it('passes over dead nodes that are registered, and says which', async () => {
    const cluster = new ToldCluster();
    for (const { name } of others('b')) cluster.dead.add(name);
    assert.equal(await cluster.current(), 'b');
    assert.match(cluster.moves[0] ?? '', /to b$/);
    assert.equal(cluster.listings, 1);
    assert.equal(cluster.open.size, 1);
  });

  it('goes through another node when its own has died, and not to the dead one again', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new ToldCluster(seed);
      const first = await cluster.current();
      cluster.dead.add(first);
      await cluster.client.put(1, text);
      const [gone, ...then] = cluster.take();
      assert.equal(gone, `connect ${first}`);
      assert.equal(then.length, 2, 'one connection, one put');
      assert.ok(then.every((line) => !line.endsWith(first)));
      assert.match(cluster.moves[1] ?? '', new RegExp(`^${first} CONNECTION_FAILED, to [abc]$`));
      // The next failure too goes to the node that did not fail, without asking ZooKeeper.
      const second = await cluster.current();
      cluster.dead.add(second);
      const third = await cluster.current();
      assert.ok(third !== first && third !== second);
      assert.deepEqual([cluster.listings, cluster.open.size], [1, 1]);
    }
  });

  it('never sends an uncertain write again; the next call goes through another node', async () => {
    for (const write of ['put', 'delete'] as const) {
      const cluster = new ToldCluster();
      const first = await cluster.current();
      const uncertain = new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: true });
      for (const error of [lost(), uncertain]) {
        const through = await cluster.current();
        cluster.plant(through, error);
        const { client } = cluster;
        const sent = write === 'put' ? client.put(1, text) : client.delete(1);
        await assert.rejects(sent, (thrown) => thrown === error);
        assert.deepEqual(cluster.take(), [`${write} ${through}`]);
        assert.notEqual(await cluster.current(), through);
      }
      assert.notEqual(await cluster.current(), first);
    }
  });

  it('comes back to a node only when the others have failed since', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new ToldCluster(seed);
      const order: string[] = [];
      for (let round = 0; round < 9; round++) {
        const through = await cluster.current();
        order.push(through);
        cluster.plant(through, lost());
        assert.equal(await codeOf(cluster.client.put(1, text)), 'CONNECTION_FAILED');
        cluster.take();
      }
      for (const [index, name] of order.entries()) {
        assert.ok(!order.slice(Math.max(index - 2, 0), index).includes(name), order.join(' '));
      }
    }
  });

  it('asks another node at once when one says that it did nothing', async () => {
    const skew = new QuorateError('CLOCK_SKEW', { mayHaveApplied: false });
    for (const error of [notReady(), refused(), skew]) {
      const cluster = new ToldCluster();
      const first = await cluster.current();
      cluster.plant(first, error);
      assert.equal(await codeOf(cluster.client.put(1, text)), 'OK');
      const lines = cluster.take();
      assert.equal(lines[0], `put ${first}`);
      assert.match(lines.at(-1) ?? '', /^put /);
      assert.notEqual(lines.at(-1), `put ${first}`);
    }
  });

  it('ends with what the nodes say when all say that they did nothing, each asked once more at most', async () => {
    const cluster = new ToldCluster();
    for (const { name } of nodes) cluster.plant(name, ...Array.from({ length: 9 }, notReady));
    assert.equal(await codeOf(cluster.client.put(1, text)), 'NODE_NOT_READY');
    assert.equal(cluster.take().filter((line) => line.startsWith('put')).length, 4);
    assert.equal(cluster.open.size, 0);
  });

  it('reads again through another node, unless the time is over', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    cluster.plant(first, refused());
    assert.equal(await codeOf(cluster.client.get(1)), 'OK');
    cluster.take();
    const second = await cluster.current();
    cluster.plant(second, silent());
    assert.equal(await codeOf(cluster.client.get(1)), 'READ_TIMEOUT');
    assert.deepEqual(cluster.take(), [`get ${second}`]);
    assert.notEqual(await cluster.current(), second);
  });

  it('stays with a node whose answer is about the cluster', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    const answers = [
      new QuorateError('NOT_ENOUGH_REPLICAS', { required: 2, alive: 1, mayHaveApplied: false }),
      new QuorateError('READ_TIMEOUT', { required: 2, received: 1 }),
      new QuorateError('OVERLOADED', { mayHaveApplied: false }),
      new QuorateError('INVALID_KEY'),
    ];
    for (const error of answers) {
      cluster.plant(first, error);
      assert.equal(await codeOf(cluster.client.get(1)), error.code);
      assert.equal(await cluster.current(), first);
    }
  });

  it('asks ZooKeeper again when all nodes have failed, and finds those that are new or back', async () => {
    const cluster = new ToldCluster();
    cluster.listing = async () => others('c');
    await cluster.current();
    cluster.dead.add('a').add('b');
    cluster.listing = async () => nodes;
    assert.equal(await cluster.current(), 'c');
    cluster.dead.delete('a');
    cluster.dead.add('c');
    assert.equal(await cluster.current(), 'a');
    assert.equal(cluster.open.size, 1);
  });

  it('does without ZooKeeper once it knows the nodes', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    const away = new QuorateError('NO_COORDINATOR', { missing: 'zookeeper' });
    cluster.listing = () => Promise.reject(away);
    for (const { name } of nodes) cluster.dead.add(name);
    await assert.rejects(cluster.client.get(1), (thrown) => thrown === away);
    cluster.dead.delete(first);
    assert.equal(await cluster.current(), first);
  });

  it('says of each node why it cannot be reached when none can', async () => {
    const cluster = new ToldCluster();
    for (const { name } of nodes) cluster.dead.add(name);
    await assert.rejects(cluster.client.put(1, text), (thrown) => {
      const { code, message, retryable, mayHaveApplied } = QuorateError.from(thrown);
      assert.deepEqual([code, retryable, mayHaveApplied], ['NO_COORDINATOR', true, false]);
      for (const { name, port } of nodes)
        assert.ok(message.includes(`${name} at h:${port}: refused`));
      return true;
    });
    assert.equal(cluster.open.size, 0);
  });

  it('moves once for calls that fail together, and lets those under way end', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    cluster.plant(first, notReady(), notReady());
    const { client } = cluster;
    const codes = await Promise.all([1, 2, 3].map((key) => codeOf(client.put(key, text))));
    assert.deepEqual(codes, ['OK', 'OK', 'OK']);
    assert.equal(cluster.moves.length, 2);
    assert.equal(cluster.open.size, 1);
  });

  it('leaves the calls that are under way through a node that it leaves alone', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    let answer: (() => void) | undefined;
    cluster.held = new Promise((resolve) => {
      answer = resolve;
    });
    const underWay = cluster.client.put(1, text);
    await cluster.client.get(1);
    assert.ok(cluster.take().includes(`put ${first}`));
    cluster.plant(first, notReady());
    await cluster.client.get(1);
    assert.equal(cluster.moves.length, 2);
    assert.equal(cluster.open.size, 2, 'the one that was left has a call under way');
    answer?.();
    assert.deepEqual(await underWay, stored);
    assert.equal(cluster.open.size, 1);
  });

  it('looks for nobody once it is closed', async () => {
    const cluster = new ToldCluster();
    const looking = codeOf(cluster.client.get(1));
    cluster.client.close();
    assert.equal(await looking, 'CANCELLED');
    cluster.take();
    assert.equal(await codeOf(cluster.client.put(1, text)), 'CANCELLED');
    assert.deepEqual([cluster.open.size, cluster.take()], [0, []]);
  });

  it('lists what the node holds, and what failed is told', async () => {
    const cluster = new ToldCluster();
    const first = await cluster.current();
    cluster.plant(first, lost());
    const entries = async () => {
      for await (const entry of cluster.client.listEntries()) assert.fail(`${entry.key}`);
    };
    assert.equal(await codeOf(entries()), 'CONNECTION_FAILED');
    assert.notEqual(await cluster.current(), first);
    assert.equal(cluster.open.size, 1);
  });
});
