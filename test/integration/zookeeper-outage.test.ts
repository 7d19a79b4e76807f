/**
 * ZooKeeper stopped, killed, restarted and emptied under continuous load: no data request fails
 * because of it, and the membership is whole again afterwards without a restart of any node.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { until } from '../support/processes.ts';
import { zookeeperInstallation } from '../support/zookeeper.ts';
import { isLong, logEvents, ZookeeperCluster } from '../support/zookeeper-cluster.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;
const sessionMs = isLong ? 6_000 : 2_000;
const stoppedMs = isLong ? 30_000 : 3_000;
const killedMs = isLong ? 60_000 : 3_000;

describe('a cluster under load', { skip }, () => {
  let cluster: ZookeeperCluster;
  let load: Load;
  let pids: readonly number[];
  let ringBefore: string;

  before(async () => {
    cluster = await ZookeeperCluster.start({ sessionMsMax: sessionMs });
    pids = cluster.names.map((name) => cluster.nodes.node(name).pid);
    ringBefore = await ownership(cluster);
    load = new Load(cluster);
  });

  after(() => cluster?.stop());

  const untilAll = (state: string) =>
    until(
      `all are ${state}`,
      async () => {
        const views = await Promise.all(cluster.names.map((name) => cluster.seenBy(name)));
        return views.every(({ membershipState }) => membershipState === state);
      },
      2 * sessionMs,
    );
  const health = (service: string) =>
    Promise.all(cluster.names.map((name) => cluster.isServing(name, service)));
  const all = (isServing: boolean) => cluster.names.map(() => isServing);

  it('serves while ZooKeeper is stopped, and says in health that membership is lost', async (t) => {
    assert.deepEqual(await health('Membership'), all(true));
    process.kill(cluster.zookeeper.pid ?? 0, 'SIGSTOP');
    const stopped = sleep(stoppedMs);
    await untilAll('lost');
    assert.deepEqual(await health('Membership'), all(false));
    assert.deepEqual(await health('KeyValueService'), all(true));
    await stopped;
    process.kill(cluster.zookeeper.pid ?? 0, 'SIGCONT');
    await untilWhole(t, cluster, `stopped for ${stoppedMs} ms`);
    assert.deepEqual(await health('Membership'), all(true));
  });

  it('serves while ZooKeeper is gone, and is whole when it is back with its data', async (t) => {
    await cluster.zookeeper.kill();
    const gone = sleep(killedMs);
    await untilAll('lost');
    await gone;
    await cluster.zookeeper.start();
    await untilWhole(t, cluster, `killed for ${killedMs} ms`);
  });

  it('serves, raises an alarm and keeps its ring when ZooKeeper comes back empty', async (t) => {
    await cluster.zookeeper.kill();
    cluster.zookeeper.empty();
    await cluster.zookeeper.start();
    await untilWhole(t, cluster, 'emptied');
    await until('somebody raises an alarm', () => alarms(cluster).length > 0);
    assert.equal(await ownership(cluster), ringBefore);
  });

  it('stays registered in ZooKeeper itself when all former sessions are over', async (t) => {
    const session = await cluster.openSession();
    const untilMs = performance.now() + sessionMs + 1_000;
    while (performance.now() < untilMs) {
      const names = [...((await session.children('/members')) ?? [])].sort();
      assert.deepEqual(names, cluster.names);
      await sleep(50);
    }
    await cluster.untilWhole();
    t.diagnostic(`who said that ZooKeeper was empty: ${alarms(cluster).join(', ')}`);
  });

  it('has failed not one request, without a restart of any node', async (t) => {
    const { calls, failures, slowestMs } = await load.stop();
    t.diagnostic(`${calls} calls, ${failures.length} failed, slowest ${Math.round(slowestMs)} ms`);
    assert.deepEqual(failures, []);
    assert.ok(calls > 1_000);
    assert.deepEqual(
      cluster.names.map((name) => cluster.nodes.node(name).pid),
      pids,
    );
    for (const name of cluster.names) assert.equal(cluster.nodes.node(name).exit, undefined);
    assert.equal(await ownership(cluster), ringBefore);
  });
});

async function untilWhole(
  t: { diagnostic(text: string): void },
  cluster: ZookeeperCluster,
  what: string,
): Promise<void> {
  const startMs = performance.now();
  await cluster.untilWhole();
  t.diagnostic(
    `${what}: whole again ${Math.round(performance.now() - startMs)} ms after it served`,
  );
}

/** Who said that ZooKeeper has lost its data. */
function alarms(cluster: ZookeeperCluster): readonly string[] {
  return cluster.names.flatMap((name) =>
    logEvents(cluster.nodes.node(name).stderr)
      .filter(({ event }) => event.startsWith('ZooKeeper has lost its data'))
      .map(() => name),
  );
}

/** The ring as every node has it: epoch, shares, and the replicas of each token. */
async function ownership(cluster: ZookeeperCluster): Promise<string> {
  const rings = await Promise.all(
    cluster.names.map(async (name) => {
      const { ringEpoch, nodes } = await cluster.seenBy(name);
      const tokens = Array.from({ length: 256 }, (_, token) => token);
      const located = await Promise.all(tokens.map((token) => cluster.client(name).locate(token)));
      const lists = located.map(({ preferenceList }) => preferenceList.join(' '));
      return { ringEpoch, shares: nodes.map(({ tokensOwned }) => tokensOwned), lists };
    }),
  );
  return JSON.stringify(rings);
}

/** Puts and gets at QUORUM through every node, one after the other each. */
class Load {
  #calls = 0;
  #slowestMs = 0;
  #isStopped = false;
  readonly #failures: string[] = [];
  readonly #loops: readonly Promise<void>[];

  constructor(cluster: ZookeeperCluster) {
    this.#loops = cluster.names.map((name) => this.#run(cluster, name));
  }

  async stop() {
    this.#isStopped = true;
    await Promise.all(this.#loops);
    return { calls: this.#calls, failures: this.#failures, slowestMs: this.#slowestMs };
  }

  async #run(cluster: ZookeeperCluster, name: string): Promise<void> {
    const client = cluster.nodes.client(name, { timeoutMs: 2_000 });
    for (let round = 0; !this.#isStopped; round++) {
      const sentMs = performance.now();
      const key = (round * 37) % 256;
      const call =
        round % 2 === 0
          ? client.put(key, { kind: 'text', text: `${name} ${round}` })
          : client.get(key);
      await call.catch((error: unknown) => this.#failures.push(QuorateError.from(error).message));
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sentMs);
      this.#calls++;
      await sleep(5);
    }
  }
}
