/** `quorate cluster`: all nodes of a file as processes of this machine. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import {
  type CliOptions,
  CliProcess,
  freePorts,
  isRunning,
  runCli,
  temporaryFolder,
  until,
  writeReplicas,
} from '../support/processes.ts';
import { zookeeperInstallation } from '../support/zookeeper.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;

function isListening(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });
}

describe('the local cluster', () => {
  const folder = temporaryFolder();
  const launched: CliProcess[] = [];
  after(() => folder.remove());
  afterEach(async () => {
    // Its nodes end by themselves, as one of the tests shows.
    await Promise.all(launched.splice(0).map((launcher) => launcher.kill()));
  });

  /** Starts a cluster of two nodes on free ports and waits for its banner. */
  async function launch(words: readonly string[] = [], options: CliOptions = {}, nodes = 2) {
    return await launchWith(['--no-zookeeper', ...words], options, nodes);
  }

  async function launchWith(words: readonly string[], options: CliOptions = {}, nodes = 4) {
    const ports = await freePorts(nodes);
    const path = writeReplicas(folder.path, ports);
    const launcher = new CliProcess(['cluster', '--replicas', path, ...words], options);
    launched.push(launcher);
    await launcher.until('the banner', () => launcher.stdout.includes('Ctrl-C stops'));
    return { launcher, ports, path };
  }

  /** The process ids that the nodes logged when they were ready, by node, the last one each. */
  function pidsOf(launcher: CliProcess): ReadonlyMap<string, number> {
    const found = launcher.stderr.matchAll(/^(\S+) +\| .* ready address=\S+ pid=(\d+)$/gm);
    return new Map([...found].map(([, name = '', pid]) => [name, Number(pid)]));
  }

  const untilGone = (pids: Iterable<number>, timeoutMs?: number) =>
    until('all nodes are gone', () => ![...pids].some(isRunning), timeoutMs);

  it('says where it is, and serves at once at every node', async () => {
    const { launcher, ports } = await launch(['--mode', 'read-repair'], {}, 4);
    for (const port of ports) assert.match(launcher.stdout, new RegExp(`127\\.0\\.0\\.1:${port}`));
    assert.match(launcher.stdout, /mode READ-REPAIR/);
    assert.match(launcher.stdout, /grpcurl -plaintext/);
    assert.match(launcher.stdout, /no TLS and no authentication/);
    assert.equal(pidsOf(launcher).size, 4);
    const put = await runCli(['put', '7', 'x', '-c', 'ALL', '-s', `127.0.0.1:${ports[0]}`]);
    assert.equal(put.code, 0, put.stderr);
    const get = await runCli(['get', '7', '-s', `127.0.0.1:${ports[3]}`]);
    assert.equal(get.stdout, 'x\n');
  });

  it('stops everything within 5 s at SIGTERM and at SIGINT, and ends with 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { launcher } = await launch();
      const pids = [...pidsOf(launcher).values()];
      assert.equal(pids.length, 2);
      const startMs = performance.now();
      launcher.signal(signal);
      assert.deepEqual(await launcher.exited, { code: 0, signal: null });
      assert.ok(performance.now() - startMs < 5_000);
      assert.deepEqual(pids.filter(isRunning), []);
    }
  });

  it('starts the ZooKeeper of this machine with it, and stops it', { skip }, async () => {
    const { launcher, ports } = await launchWith([]);
    const [, address = ''] =
      /ZooKeeper at (\S+), started for this cluster/.exec(launcher.stdout) ?? [];
    const server = `127.0.0.1:${ports[0]}`;
    await until('all nodes are registered', async () => {
      const { stderr } = await runCli(['status', '-s', server]);
      return stderr.includes('by zookeeper (connected, 4 of 4 registered');
    });
    launcher.signal('SIGTERM');
    assert.deepEqual(await launcher.exited, { code: 0, signal: null });
    assert.equal(await isListening(address), false);
  });

  it('leaves no node behind when it is killed itself', async () => {
    const { launcher } = await launch();
    const pids = [...pidsOf(launcher).values()];
    await launcher.kill();
    await untilGone(pids);
  });

  it('stops a node that hangs, too', async () => {
    const { launcher } = await launch();
    const pids = pidsOf(launcher);
    process.kill(pids.get('replica1') ?? 0, 'SIGSTOP');
    const startMs = performance.now();
    launcher.signal('SIGTERM');
    assert.equal((await launcher.exited).code, 0);
    assert.ok(performance.now() - startMs < 5_000);
    assert.deepEqual([...pids.values()].filter(isRunning), []);
  });

  it('says so when a node ends, and starts it again when asked', async () => {
    const { launcher, ports } = await launch([], {}, 3);
    const first = pidsOf(launcher).get('replica2') ?? 0;
    process.kill(first, 'SIGKILL');
    await launcher.until('it says so', () =>
      /replica2 has ended \(signal SIGKILL\); type "restart replica2"/.test(launcher.stderr),
    );
    const put = await runCli(['put', '7', 'x', '-s', `127.0.0.1:${ports[0]}`]);
    assert.equal(put.code, 0, put.stderr);
    launcher.type('restart replica2');
    await launcher.until('it is back', () => launcher.stderr.includes('replica2 is ready again'));
    assert.notEqual(pidsOf(launcher).get('replica2'), first);
    assert.equal((await runCli(['ping', '-s', `127.0.0.1:${ports[2]}`])).code, 0);
  });

  it('does what is typed', async () => {
    const { launcher } = await launch();
    launcher.type('status');
    await launcher.until('the status', () =>
      /replica1 {2}\S+ {2}ready {2}pid/.test(launcher.stderr),
    );
    launcher.type('kill replica1');
    await launcher.until('it ended', () => launcher.stderr.includes('replica1 has ended'));
    launcher.type('restart replica1');
    await launcher.until('it is back', () => launcher.stderr.includes('replica1 is ready again'));
    launcher.type('kill nobody');
    await launcher.until('a refusal', () => launcher.stderr.includes('no node "nobody"'));
    launcher.type('dance');
    await launcher.until('a hint', () => launcher.stderr.includes('"dance" is not known'));
    launcher.type('help');
    await launcher.until('help', () => launcher.stderr.includes('restart <node>'));
  });

  it('starts nodes again by itself with --restart', async () => {
    const { launcher } = await launch(['--restart']);
    process.kill(pidsOf(launcher).get('replica0') ?? 0, 'SIGKILL');
    await launcher.until('it is back', () => launcher.stderr.includes('replica0 is ready again'));
  });

  it('runs without standard input', async () => {
    const { launcher } = await launch([], { input: '' });
    launcher.signal('SIGTERM');
    assert.equal((await launcher.exited).code, 0);
  });

  it('is refused a second time on the same ports, and the first one runs on', async () => {
    const { path, ports, launcher } = await launch();
    const second = await runCli(['cluster', '--no-zookeeper', '--replicas', path]);
    assert.equal(second.code, 2);
    assert.match(second.stderr, new RegExp(`port ${ports[0]} of replica0 is taken.*Stop`));
    assert.equal(second.stdout, '');
    assert.equal(launcher.exit, undefined);
    assert.equal((await runCli(['ping', '-s', `127.0.0.1:${ports[0]}`])).code, 0);
  });

  it('hands its flags on to the nodes', async () => {
    const flags = ['--partitioner', 'hash', '--replication-factor', '2', '--cluster-name', 'blue'];
    // Launched without ZooKeeper, which its environment does not change.
    const { ports } = await launch(flags, { env: { QUORATE_ZOOKEEPER: '127.0.0.1:9' } });
    const { stdout } = await runCli(['status', '-o', 'json', '-s', `127.0.0.1:${ports[1]}`]);
    const { partitioner, replicationFactor, clusterName, membership } = JSON.parse(
      stdout,
    ) as Record<string, unknown>;
    assert.deepEqual(
      [partitioner, replicationFactor, clusterName, membership],
      ['hash', 2, 'blue', 'static'],
    );
  });
});
