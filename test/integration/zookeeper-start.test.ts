/** Clusters that are new to a real ZooKeeper: one ring, one READY, and no answer before it. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';
import { until } from '../support/processes.ts';
import { zookeeperInstallation } from '../support/zookeeper.ts';
import { isLong, ZookeeperCluster } from '../support/zookeeper-cluster.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;
/** None is ready before all are registered, however slow they are. */
const args = ['--startup-window', '60s'];

describe('a cluster that is new to ZooKeeper', { skip }, () => {
  let cluster: ZookeeperCluster | undefined;

  afterEach(() => cluster?.stop());

  it('has one ring and is ready once, and each of 8 nodes refuses requests before', async (t) => {
    const rounds = isLong ? 5 : 1;
    for (let round = 0; round < rounds; round++) {
      cluster = await ZookeeperCluster.prepare({ nodes: 8, args });
      const session = await cluster.openSession();
      const written = new Recorder(session, ['/ring', '/status']);
      let isOver = false;
      const startMs = performance.now();
      const started = cluster.nodes.start();
      const asked = cluster.names.map((name) =>
        askUntil(() => isOver, cluster ?? assert.fail(), name, session),
      );
      await started;
      t.diagnostic(
        `8 nodes have met ${Math.round(performance.now() - startMs)} ms after their start`,
      );
      isOver = true;
      const outcomes = (await Promise.all(asked)).flat();
      const seen = await written.stop();
      const refused = outcomes.filter(({ code }) => code === 'NODE_NOT_READY').length;
      t.diagnostic(`${outcomes.length} requests, ${refused} of them before READY, each refused`);
      // No request of a node that is not ready is served, nor a ready node's refused.
      assert.deepEqual(
        outcomes.filter(({ isWrong }) => isWrong),
        [],
      );
      assert.ok(refused > 0);
      assert.deepEqual(
        seen
          .get('/status')
          ?.map(({ state }) => state)
          .slice(-1),
        ['READY'],
      );
      assert.equal(seen.get('/status')?.filter(({ state }) => state === 'READY').length, 1);
      assert.equal(seen.get('/ring')?.length, 1);
      const leading = cluster.names.flatMap((name) =>
        (cluster ?? assert.fail()).logged(name, 'leading the cluster'),
      );
      assert.equal(leading.filter(({ data }) => data['state'] === 'READY').length, 1);
      await cluster.untilWhole();
      for (const [index, name] of cluster.names.entries()) {
        const value = { kind: 'text', text: name } as const;
        const put = () => codeOf((cluster ?? assert.fail()).client(name).put(index, value));
        let code = await put();
        // A channel that was refused before the node listened waits for its next try.
        for (; code === 'CONNECTION_FAILED'; code = await put()) await sleep(100);
        assert.equal(code, 'OK');
        const { serverId, nodeCount } = await cluster.seenBy(name);
        assert.deepEqual([serverId, nodeCount], [index + 1, 8]);
      }
      if (round < rounds - 1) await cluster.stop();
    }
  });

  it('takes no request while a node is missing, though all others have met', async () => {
    cluster = await ZookeeperCluster.prepare({ args });
    const { nodes, names } = cluster;
    const first = names.slice(0, 3);
    const started = Promise.all(first.map((name) => nodes.restart(name)));
    started.catch(() => undefined);
    await until(
      'three have met',
      async () => {
        const views = await Promise.all(
          first.map((name) => cluster?.seenBy(name).catch(() => undefined)),
        );
        return views.every(
          (view) => view?.nodes.filter(({ liveness }) => liveness === 'up').length === 3,
        );
      },
      30_000,
    );
    // Longer than a node takes to be ready once it has met the others.
    await sleep(1_500);
    for (const name of first) {
      assert.equal((await cluster.seenBy(name)).status, 'initializing');
      assert.equal(await cluster.isServing(name, 'KeyValueService'), false);
      assert.equal(await cluster.isServing(name, 'Membership'), true);
      assert.equal(await codeOf(cluster.client(name).get(7)), 'NODE_NOT_READY');
    }
    await nodes.restart('replica3');
    await started;
    await nodes.untilMet();
    for (const name of names) {
      assert.equal(await cluster.isServing(name, 'KeyValueService'), true);
      assert.equal(await codeOf(cluster.client(name).get(7)), 'OK');
    }
  });
});

interface Outcome {
  readonly node: string;
  readonly code: string;
  /** Served before the cluster was ready. */
  readonly isWrong: boolean;
}

/** Asks a node again and again, and compares its answers with the status in ZooKeeper. */
async function askUntil(
  isOver: () => boolean,
  cluster: ZookeeperCluster,
  node: string,
  session: ZookeeperSession,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  while (!isOver()) {
    const code = await codeOf(cluster.client(node).get(1, { consistency: 'ONE' }));
    // A node that listens and refuses, or one that serves; the rest is not yet there.
    if (code === 'OK' || code === 'NODE_NOT_READY') {
      const status = code === 'OK' ? await session.get('/status') : undefined;
      const isReady = status !== undefined && Buffer.from(status.data).includes('"READY"');
      outcomes.push({ node, code, isWrong: code === 'OK' && !isReady });
    }
    await sleep(20);
  }
  return outcomes;
}

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error: unknown) => QuorateError.from(error).code,
  );
}

interface Content {
  readonly state: string | undefined;
  readonly mzxid: bigint;
}

/** Each content of some znodes, in order, without what came and went within a few milliseconds. */
class Recorder {
  readonly #seen = new Map<string, Content[]>();
  #isStopped = false;
  readonly #done: Promise<unknown>;

  constructor(session: ZookeeperSession, paths: readonly string[]) {
    this.#done = Promise.all(paths.map((path) => this.#look(session, path)));
  }

  async stop(): Promise<ReadonlyMap<string, readonly Content[]>> {
    this.#isStopped = true;
    await this.#done;
    return this.#seen;
  }

  async #look(session: ZookeeperSession, path: string): Promise<void> {
    const contents: Content[] = [];
    this.#seen.set(path, contents);
    while (!this.#isStopped) {
      const znode = await session.get(path);
      const mzxid = znode?.stat.mzxid;
      if (znode !== undefined && mzxid !== undefined && mzxid !== contents.at(-1)?.mzxid) {
        const state = /"state":"(\w+)"/.exec(new TextDecoder().decode(znode.data))?.[1];
        contents.push({ state, mzxid });
      }
      await sleep(5);
    }
  }
}
