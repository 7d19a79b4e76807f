/** Access lists on a real ZooKeeper: strangers read what nodes wrote, and change none of it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../membership/zookeeper-fixture.ts';
import { CliProcess, until } from '../support/processes.ts';
import { zookeeperInstallation } from '../support/zookeeper.ts';
import { createSession, ZookeeperCluster } from '../support/zookeeper-cluster.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;
const auth = 'quorate:secret';
const bytes = new Uint8Array();

describe('znodes of a cluster with a name and a password', { skip }, () => {
  let cluster: ZookeeperCluster;

  before(async () => {
    const env = { QUORATE_ZOOKEEPER_AUTH: auth };
    cluster = await ZookeeperCluster.start({ nodes: 3, env });
  });

  after(() => cluster?.stop());

  const openSession = async (own: string | undefined) => {
    const session = createSession(cluster.zookeeper, own === undefined ? {} : { auth: own });
    session.start();
    await until('connected', () => session.state === 'connected');
    return session;
  };

  for (const [who, own] of [
    ['nobody', undefined],
    ['somebody with another password', 'quorate:guess'],
  ] as const) {
    it(`are read and not changed by ${who}`, async () => {
      const session = await openSession(own);
      try {
        for (const path of ['/status', '/ring', '/members/replica1']) {
          assert.ok((await session.get(path)) !== undefined, path);
          assert.equal(await codeOf(session.set(path, bytes)), 'NO_AUTH', path);
          assert.equal(await codeOf(session.delete(path)), 'NO_AUTH', path);
        }
        const [candidate] = (await session.children('/election')) ?? [];
        assert.equal(await codeOf(session.delete(`/election/${candidate}`)), 'NO_AUTH');
        assert.equal(await codeOf(session.createEphemeral('/members/x', bytes)), 'NO_AUTH');
        assert.equal(await codeOf(session.createSequential('/election/', bytes)), 'NO_AUTH');
        const replace = session.multi([
          { kind: 'delete', path: '/members/replica1' },
          { kind: 'create', path: '/members/replica1', data: bytes, mode: 'ephemeral' },
        ]);
        assert.equal(await codeOf(replace), 'NO_AUTH');
      } finally {
        await session.stop();
      }
    });
  }

  it('are guarded too when they were made in a transaction, by a node that was restarted', async () => {
    await cluster.nodes.restart('replica1');
    await cluster.untilWhole();
    const session = await openSession(undefined);
    const path = '/members/replica1';
    assert.equal(await codeOf(session.set(path, bytes)), 'NO_AUTH');
    assert.equal(await codeOf(session.delete(path)), 'NO_AUTH');
    await session.stop();
  });

  it('are changed by those who prove the same', async () => {
    const session = await openSession(auth);
    const { data, stat } = (await session.get('/status')) ?? assert.fail();
    assert.equal(await codeOf(session.set('/status', data, stat.version)), 'OK');
    await session.stop();
  });

  it('keep out a node without the password, which says so', async () => {
    await cluster.nodes.kill('replica2');
    const port = cluster.nodes.address('replica2').split(':')[1] ?? '';
    const words = ['replica', 'replica2', port, cluster.nodes.replicasFile, 'BOTH'];
    const stranger = new CliProcess([
      ...words,
      '--zookeeper',
      `${cluster.zookeeper.address}/quorate`,
    ]);
    await stranger.until('it says so', () => stranger.stderr.includes('access list'));
    await stranger.kill();
  });

  it('are open to all in a cluster without a password', async () => {
    const session = createSession(cluster.zookeeper, { root: '/open' });
    const other = createSession(cluster.zookeeper, { root: '/open' });
    for (const each of [session, other]) each.start();
    await until('connected', () => [session, other].every(({ state }) => state === 'connected'));
    await session.ensure('/');
    await session.createPersistent('/status', bytes);
    assert.equal(await codeOf(other.set('/status', bytes)), 'OK');
    assert.equal(await codeOf(other.delete('/status')), 'OK');
    await Promise.all([session.stop(), other.stop()]);
  });

  it('need a name and a password, which no message repeats', async () => {
    const words = ['replica', 'replica0', '9', cluster.nodes.replicasFile, 'BOTH'];
    const refused = new CliProcess([...words, '--zookeeper', '127.0.0.1:9'], {
      env: { QUORATE_ZOOKEEPER_AUTH: 'only-a-secret' },
    });
    assert.equal((await refused.exited).code, 2);
    assert.match(refused.stderr, /written user:password/);
    assert.doesNotMatch(refused.stderr, /only-a-secret/);
  });
});
