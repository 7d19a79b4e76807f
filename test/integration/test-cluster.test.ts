/** `quorate/testing`: each fault has its effect, as a typed client sees it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import type { QuorateClient } from '../../src/client/typed/index.ts';
import { TestCluster } from '../../src/testing/index.ts';
import { temporaryFolder, until } from '../support/processes.ts';

const key = 'greeting';

const startMsMax = 1_000;

describe('a test cluster', () => {
  let cluster: TestCluster;
  let client: QuorateClient;
  let replicas: readonly string[];
  let spare: string;
  /** The replicas of the key, by their place in the ring. */
  const replica = (index: number) => replicas[index] ?? '';
  /** A client of one node. */
  const pinned = (coordinator: string) => cluster.connect({ coordinator, timeoutMs: 500 });

  before(async () => {
    cluster = await TestCluster.start();
    client = await cluster.connect();
    replicas = cluster.replicasOf(key);
    spare = cluster.nodes.find((name) => !replicas.includes(name)) ?? '';
  });
  after(() => cluster.stop());

  it('starts four nodes in less than a second', async () => {
    const startsMs: number[] = [];
    for (let run = 0; run < 3; run++) {
      const startMs = performance.now();
      await using started = await TestCluster.start({ nodes: 4 });
      startsMs.push(performance.now() - startMs);
      assert.equal(started.nodes.length, 4);
    }
    const [, median = Number.POSITIVE_INFINITY] = startsMs.sort((left, right) => left - right);
    assert.ok(median < startMsMax, `it took ${median} ms`);
  });

  it('takes calls at every level through every node as soon as it has started', async () => {
    await using fresh = await TestCluster.start({ nodes: 3 });
    for (const coordinator of fresh.nodes) {
      const one = await fresh.connect({ coordinator });
      for (const consistency of ['ONE', 'QUORUM', 'ALL'] as const) {
        await one.put(coordinator, consistency, { consistency });
        assert.equal(await one.get(coordinator, { consistency }), consistency);
      }
    }
  });

  it('goes on at QUORUM without one replica, and says honestly that it cannot without two', async () => {
    await client.put(key, 'of three');
    await cluster.kill(replica(0));
    assert.equal(await client.get(key), 'of three');
    await client.put(key, 'of two');
    await cluster.kill(replica(1));
    assert.deepEqual(
      cluster.running,
      cluster.nodes.filter((name) => !replicas.slice(0, 2).includes(name)),
    );
    const refused = { code: 'NOT_ENOUGH_REPLICAS', retryable: true, mayHaveApplied: false };
    await assert.rejects(client.get(key), refused);
    // With little time left a write could be under way at its end, and be uncertain.
    await assert.rejects(client.put(key, 'of one'), refused);
    await Promise.all(replicas.slice(0, 2).map((name) => cluster.restart(name)));
    assert.equal(await client.get(key, { consistency: 'ALL' }), 'of two');
  });

  it('keeps over a kill of all nodes what was acknowledged, and the addresses', async () => {
    const { connectionString } = cluster;
    await client.put(key, 'kept', { consistency: 'ALL' });
    for (const name of cluster.nodes) await cluster.kill(name);
    await assert.rejects(client.get(key, { timeoutMs: 300 }), { retryable: true });
    for (const name of cluster.nodes) await cluster.restart(name);
    assert.equal(cluster.connectionString, connectionString);
    assert.equal(await client.get(key, { timeoutMs: 5_000 }), 'kept');
  });

  it('holds back what a paused node says and hears until it goes on', async () => {
    const own = await pinned(replica(0));
    const other = await pinned(replica(1));
    await cluster.pause(replica(0));
    let isOver = false;
    const put = own.put(key, 'held', { timeoutMs: 10_000 }).finally(() => {
      isOver = true;
    });
    await other.put(key, 'to two of three');
    const all = other.get(key, { consistency: 'ALL', timeoutMs: 300 });
    await assert.rejects(all, { retryable: true });
    assert.equal(isOver, false);
    await cluster.resume(replica(0));
    await put;
    assert.equal(await client.get(key), 'held');
  });

  it('resets the connections of a killed node, so that what was sent is uncertain at once', async () => {
    const own = await pinned(spare);
    await cluster.pause(spare);
    const put = own.put(key, 'sent', { timeoutMs: 10_000 });
    const ended = assert.rejects(put, { mayHaveApplied: true });
    // Sent with the next turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const startMs = performance.now();
    await cluster.kill(spare);
    await ended;
    assert.ok(performance.now() - startMs < 2_000);
    await cluster.restart(spare);
    assert.notEqual(await client.get(key), 'sent');
  });

  it('cuts nodes off from each other, and not from clients', async () => {
    const alone = await pinned(replica(0));
    const joined = await pinned(replica(1));
    await client.put(key, 'whole', { consistency: 'ALL' });
    await cluster.partition([[replica(0)]]);
    await assert.rejects(alone.put(key, 'alone'), {
      code: 'NOT_ENOUGH_REPLICAS',
      mayHaveApplied: false,
    });
    assert.equal(await alone.get(key, { consistency: 'ONE' }), 'whole');
    await joined.put(key, 'joined');
    assert.equal(await alone.get(key, { consistency: 'ONE' }), 'whole');
    // Another partition takes the place of the first.
    await cluster.partition([
      [replica(0), replica(1)],
      [replica(2), spare],
    ]);
    assert.equal(await alone.get(key), 'joined');
    await cluster.heal();
    await alone.put(key, 'healed', { consistency: 'ALL' });
  });

  it('sets a clock wrong, which its node notices, and right again', async () => {
    const wrong = await pinned(replica(1));
    for (const milliseconds of [5_000, -5_000]) {
      await cluster.skew(replica(1), milliseconds);
      await assert.rejects(wrong.put(key, 'from a wrong clock'), {
        code: 'CLOCK_SKEW',
        retryable: true,
        mayHaveApplied: false,
      });
      await client.put(key, 'from a right clock');
    }
    await cluster.skew(replica(1), 0);
    await wrong.put(key, 'right', { consistency: 'ONE' });
  });

  it('ends calls of its clients when it ends, and takes no more faults', async () => {
    const ended = await TestCluster.start({ nodes: 1 });
    const own = await ended.connect();
    await own.put(key, 'alone');
    await Promise.all([ended.stop(), ended.stop()]);
    await assert.rejects(own.get(key), { code: 'CANCELLED' });
    await assert.rejects(ended.kill('replica0'), { code: 'CANCELLED' });
    await assert.rejects(ended.connect(), { code: 'CANCELLED' });
  });

  it('refuses what is not valid and names the field', async () => {
    const refused = (field: string, message: RegExp) => ({
      code: 'INVALID_ARGUMENT',
      details: { field },
      message,
    });
    for (const nodes of [0, 17, 2.5, Number.NaN]) {
      await assert.rejects(TestCluster.start({ nodes }), refused('nodes', /from 1 to 16/));
    }
    const wrong: object = { mode: 'SOME' };
    await assert.rejects(TestCluster.start(wrong), refused('mode', /READ-REPAIR/));
    const unknown: object = { node: 3 };
    await assert.rejects(TestCluster.start(unknown), refused('node', /is no option/));
    const empty = { dataDirectory: '' };
    await assert.rejects(TestCluster.start(empty), refused('dataDirectory', /is empty/));
    await assert.rejects(cluster.kill('replica4'), refused('node', /replica0, replica1/));
    assert.throws(() => cluster.address('replica4'), refused('node', /replica4/));
    await assert.rejects(cluster.skew(spare, Number.NaN), refused('milliseconds', /finite/));
    await assert.rejects(cluster.partition([['x']]), refused('groups[0]', /"x"/));
    const twice = [[spare], [spare]];
    await assert.rejects(cluster.partition(twice), refused('groups[1]', /a second time/));
    await cluster.kill(spare);
    await assert.rejects(cluster.pause(spare), refused('node', /restart it first/));
    await cluster.restart(spare);
    assert.throws(() => cluster.replicasOf(256), { code: 'INVALID_KEY' });
  });
});

describe('the mode of a test cluster', () => {
  /** Writes while a replica is dead. @returns what that has itself, once it is back. */
  async function missedWrite(cluster: TestCluster) {
    const [missing = ''] = cluster.replicasOf(key);
    const client = await cluster.connect();
    await cluster.kill(missing);
    await client.put(key, 'missed');
    await cluster.restart(missing);
    const own = await cluster.connect({ coordinator: missing });
    return () => own.get(key, { consistency: 'ONE' });
  }

  it('brings a node that was dead its hints', async () => {
    await using cluster = await TestCluster.start({ mode: 'HINTED-HANDOFF' });
    const held = await missedWrite(cluster);
    await until('the hint has arrived', async () => (await held()) === 'missed');
  });

  it('leaves a node that was dead as it was, without anything that heals', async () => {
    await using cluster = await TestCluster.start({ mode: 'NONE' });
    const held = await missedWrite(cluster);
    assert.equal(await held(), undefined);
  });
});

describe('a test cluster with a data directory', () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  it('keeps its data over a kill, and for the next cluster', async () => {
    const options = { nodes: 3, dataDirectory: `${folder.path}/data` };
    {
      await using cluster = await TestCluster.start(options);
      const client = await cluster.connect();
      await client.put(key, 'first', { consistency: 'ALL' });
      for (const name of cluster.nodes) await cluster.kill(name);
      for (const name of cluster.nodes) await cluster.restart(name);
      assert.equal(await client.get(key, { timeoutMs: 5_000 }), 'first');
      await client.put(key, 'second');
    }
    await using cluster = await TestCluster.start(options);
    const client = await cluster.connect();
    assert.equal(await client.get(key), 'second');
    await cluster.stop();
    const others = TestCluster.start({ ...options, nodes: 4 });
    await assert.rejects(others, { code: 'CONFIGURATION', message: /ring/ });
  });
});

describe('the process of a test cluster', () => {
  it('can exit once the cluster has ended, whatever faults were in force', async () => {
    const module = new URL('../../src/testing/index.js', import.meta.url);
    const program = `
      import { TestCluster } from '${module}';
      const cluster = await TestCluster.start();
      const client = await cluster.connect();
      await client.put('a', 'b');
      await cluster.kill('replica0');
      await cluster.partition([['replica1']]);
      await cluster.skew('replica2', 1_000);
      await cluster.pause('replica3');
      client.put('a', 'c', { timeoutMs: 100 }).catch(() => undefined).then(() => process.stdout.write('over'));
      await cluster.stop();
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0);
    assert.equal(output, 'over');
  });
});
