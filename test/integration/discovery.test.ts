/** Clients that find real nodes in a real ZooKeeper, and go through another when one dies. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import { QuorateClient } from '../../src/client/typed/index.ts';
import {
  CliProcess,
  freePorts,
  type ProcessCluster,
  runCli,
  startCluster,
} from '../support/processes.ts';
import { startZookeeper, zookeeperInstallation } from '../support/zookeeper.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;

describe('a client with the address of a ZooKeeper', { skip }, () => {
  let zookeeper: LocalZookeeper;
  let cluster: ProcessCluster;
  let target: string;
  const consoles: CliProcess[] = [];

  before(async () => {
    const started = await startZookeeper();
    assert.ok(started !== undefined);
    zookeeper = started;
    target = `${zookeeper.address}/quorate`;
    cluster = await startCluster({ args: ['--zookeeper', target] });
  });

  after(async () => {
    // A console whose test failed still waits for its next line.
    await Promise.all(consoles.map((each) => each.kill()));
    await cluster?.stop();
    await zookeeper?.stop();
  });

  /** A console in a pipe, and the name of its coordinator. */
  async function startConsole() {
    const started = new CliProcess(['console', '--zookeeper', zookeeper.address, '--keep-going']);
    consoles.push(started);
    started.type('status');
    const said = () => /^(replica\d) of quorate/m.exec(started.stdout)?.[1];
    await started.until('it has a coordinator', () => said() !== undefined);
    return { started, coordinator: said() ?? '' };
  }

  it('asks a node with every command that asks one', async () => {
    const put = await runCli(['put', '7', 'found', '--zookeeper', target]);
    assert.equal(put.code, 0, put.stderr);
    const ways = [
      ['locate', '7', '--zookeeper', zookeeper.address],
      ['status', '-s', `zookeeper://${target}`],
      ['ring', '--zookeeper', target],
      ['ping', '--zookeeper', target],
      ['hints', '--zookeeper', target],
      ['entries', '--zookeeper', target],
      ['rpc', 'KeyValueService/Get', '{"key": 7}', '--zookeeper', target],
    ];
    const ends = await Promise.all(ways.map((words) => runCli(words)));
    for (const [index, { code, stderr }] of ends.entries()) {
      assert.equal(code, 0, `${ways[index]?.join(' ')}: ${stderr}`);
    }
    const read = await runCli(['get', '7'], { env: { QUORATE_ZOOKEEPER: target } });
    assert.deepEqual([read.code, read.stdout], [0, 'found\n']);
    assert.match((await runCli(['hints', '--zookeeper', target])).stderr, /asking replica\d at /);
  });

  it('is a program with the typed client', async () => {
    await using client = await QuorateClient.connect(`zookeeper://${target}?consistency=all`);
    await client.put('typed', 'found');
    const { value, explanation } = await client.getEntry('typed', { explain: true });
    assert.deepEqual([value, explanation?.received], ['found', 3]);
    const empty = QuorateClient.connect(`zookeeper://${zookeeper.address}/nobody`);
    await assert.rejects(empty, { code: 'NO_COORDINATOR', message: /has no cluster at \/nobody/ });
  });

  it('takes what was typed before what the environment says, and never two', async () => {
    const both = await runCli(['get', '7', '--zookeeper', target, '-s', '127.0.0.1:1']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /^quorate: --server and --zookeeper both say whom to ask: give one/);
    const env = { QUORATE_SERVER: '127.0.0.1:1' };
    assert.equal((await runCli(['get', '7', '--zookeeper', target], { env })).code, 0);
    const server = cluster.address('replica0');
    const away = { QUORATE_ZOOKEEPER: '127.0.0.1:1' };
    assert.equal((await runCli(['get', '7', '-s', server], { env: away })).code, 0);
    const console = await runCli(['console', server], { env: away, input: 'get 7' });
    assert.deepEqual([console.code, console.stdout], [0, 'found\n']);
  });

  it('says in one sentence, with exit code 3, that there is no cluster', async () => {
    const [port = 0] = await freePorts(1);
    const away = await runCli(['get', '7', '--zookeeper', `127.0.0.1:${port}`]);
    assert.equal(away.code, 3);
    assert.match(
      away.stderr,
      /^quorate: NO_COORDINATOR: no ZooKeeper answers at \S+: is it running/,
    );
    const elsewhere = ['--zookeeper', `${zookeeper.address}/elsewhere`];
    for (const words of [
      ['get', '7', ...elsewhere],
      ['console', ...elsewhere],
    ]) {
      const { code, stderr } = await runCli(words, { input: 'get 7' });
      assert.equal(code, 3);
      assert.match(stderr, /has no cluster at \/elsewhere: start its nodes/);
    }
  });

  it('stays in its console when the coordinator is killed: the next command says so', async () => {
    const { started, coordinator } = await startConsole();
    started.type('put 8 before');
    await started.until('it is stored', () => started.stdout.includes('stored at'));
    assert.equal(started.stderr, '');
    await cluster.kill(coordinator);
    // A write might be on its way before the console hears of the death, and would be uncertain.
    started.type('get 8');
    started.type('put 9 after');
    started.type('get 9');
    await started.until('it has gone on', () =>
      /\nbefore\nstored .*\nafter\n/.test(started.stdout),
    );
    const at = cluster.address(coordinator);
    const moved = new RegExp(
      `^${coordinator} at ${at} cannot be reached \\(.*\\); going through (replica\\d) at \\S+ now\n$`,
    );
    assert.match(started.stderr, moved);
    assert.notEqual(moved.exec(started.stderr)?.[1], coordinator);
    started.closeInput();
    assert.deepEqual(await started.exited, { code: 0, signal: null });
    // Its registration lives on for a while: commands pass over it.
    const reads = await Promise.all(
      [1, 2, 3, 4].map(() => runCli(['get', '9', '--zookeeper', target])),
    );
    for (const { code, stdout, stderr } of reads) {
      assert.deepEqual([code, stdout], [0, 'after\n'], stderr);
    }
    await cluster.restart(coordinator);
    await cluster.untilMet();
  });

  it('calls a write uncertain when its coordinator stops, and does not send it again', async () => {
    const { started, coordinator } = await startConsole();
    cluster.pause(coordinator);
    try {
      started.type('put 10 once');
      await started.until('it is uncertain', () =>
        started.stderr.includes('may have been applied'),
      );
      assert.doesNotMatch(started.stderr, /going through/);
      started.type('get 10');
      await started.until('it has gone on', () => started.stderr.includes('Key does not exist'));
      assert.match(
        started.stderr,
        new RegExp(`${coordinator} at \\S+ left a write uncertain; going`),
      );
    } finally {
      cluster.resume(coordinator);
    }
    started.closeInput();
    assert.equal((await started.exited).code, 5);
  });
});
