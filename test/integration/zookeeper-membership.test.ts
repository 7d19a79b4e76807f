/** Real nodes with a real ZooKeeper: who registers, when, and who is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import type { ClusterAnswer } from '../../src/client/answers.ts';
import { CliProcess, type ProcessCluster, startCluster, until } from '../support/processes.ts';
import { startZookeeper, zookeeperInstallation } from '../support/zookeeper.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;

describe('a cluster with ZooKeeper', { skip }, () => {
  let zookeeper: LocalZookeeper;
  let cluster: ProcessCluster;

  before(async () => {
    const started = await startZookeeper();
    assert.ok(started !== undefined);
    zookeeper = started;
    const args = ['--zookeeper', `${zookeeper.address}/quorate`];
    cluster = await startCluster({ mode: 'HINTED-HANDOFF', args });
  });

  after(async () => {
    await cluster?.stop();
    await zookeeper?.stop();
  });

  const seenBy = async (name: string): Promise<ClusterAnswer> => {
    const client = cluster.client(name);
    try {
      return await client.describeCluster();
    } finally {
      client.close();
    }
  };
  const isWhole = async () => {
    const views = await Promise.all(cluster.names.map(seenBy));
    return views.every(
      ({ membershipState, nodes }) =>
        membershipState === 'connected' && nodes.every(({ registered }) => registered === true),
    );
  };

  it('registers every node and shows that in its description', async () => {
    await until('all are registered', isWhole);
    const { membership, nodes } = await seenBy('replica2');
    assert.equal(membership, 'zookeeper');
    for (const { name, incarnation } of nodes) assert.match(incarnation, /^[0-9a-f]{16}$/, name);
  });

  it('brings 1,000 missed puts to a node that was killed, 5 s after its start', async (t) => {
    await cluster.kill('replica1');
    await cluster.untilSeen('replica0', 'replica1', 'down');
    const client = cluster.client('replica0', { timeoutMs: 5_000 });
    const keys = Array.from({ length: 1_000 }, (_, index) => `\u0001${index}`);
    await Promise.all(keys.map((key) => client.put(key, { kind: 'text', text: key })));
    const waiting = async () => {
      const targets = await client.listHints();
      return targets.find(({ node }) => node === 'replica1')?.count;
    };
    assert.equal(await waiting(), 1_000);
    const startMs = performance.now();
    await cluster.restart('replica1');
    await until('no hint is left', async () => (await waiting()) === 0, 5_000);
    t.diagnostic(`${Math.round(performance.now() - startMs)} ms from the start of the process`);
    let held = 0;
    for await (const { key } of cluster.client('replica1').listEntries()) {
      if (typeof key === 'string' && key.startsWith('\u0001')) held++;
    }
    assert.equal(held, 1_000);
    await until('all are registered', isWhole);
  });

  it('lets a node serve that starts while ZooKeeper is away, and registers it later', async () => {
    await zookeeper.kill();
    await cluster.restart('replica2');
    assert.match(cluster.node('replica2').stderr, /ZooKeeper is away/);
    await cluster.untilMet();
    await cluster.client('replica2').put(7, { kind: 'text', text: 'served' });
    await zookeeper.start();
    await until('all are registered', isWhole, 30_000);
  });

  it('refuses a node whose ring differs from the one in ZooKeeper, exit 2', async () => {
    await cluster.kill('replica3');
    const port = cluster.address('replica3').split(':')[1] ?? '';
    const other = new CliProcess([
      'replica',
      'replica3',
      port,
      cluster.replicasFile,
      'BOTH',
      '--replication-factor',
      '2',
      '--zookeeper',
      `${zookeeper.address}/quorate`,
    ]);
    assert.equal((await other.exited).code, 2);
    assert.match(other.stderr, /the ring in ZooKeeper is .*replication-factor=3/);
    await cluster.restart('replica3');
  });
});
