/** The commands of `quorate` against real nodes: what they print, and how they end. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CliProcess,
  freePorts,
  type ProcessCluster,
  runCli,
  startCluster,
  startNode,
  temporaryFolder,
  until,
  writeReplicas,
} from '../support/processes.ts';

describe('the commands of a client', () => {
  let cluster: ProcessCluster;
  before(async () => {
    cluster = await startCluster({ nodes: 4 });
  });
  after(() => cluster.stop());

  const run = (name: string, words: readonly string[], input?: string | Uint8Array) =>
    runCli(
      [...words.slice(0, 1), '-s', cluster.address(name), ...words.slice(1)],
      input === undefined ? {} : { input },
    );
  const json = async (name: string, words: readonly string[]) => {
    const { stdout, stderr, code } = await run(name, [...words, '-o', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  it('store and read text, with exit code 0 and data on stdout only', async () => {
    const put = await run('replica0', ['put', '7', 'hello']);
    assert.deepEqual([put.code, put.stderr], [0, '']);
    assert.match(put.stdout, /^stored at \S+-replica0\n$/);
    const get = await run('replica1', ['get', '7']);
    assert.deepEqual([get.code, get.stdout, get.stderr], [0, 'hello\n', '']);
  });

  it('give values back as they were written', async () => {
    await run('replica0', ['put', 'a', '{"n": [1, null, "x"]}', '--json']);
    const { version, writeTime, ...rest } = await json('replica1', ['get', 'a']);
    assert.deepEqual(rest, { key: 'a', found: true, kind: 'json', value: { n: [1, null, 'x'] } });
    assert.match(String(version), /-replica0$/);
    assert.match(String(writeTime), /^\d{4}-/);

    await run('replica0', ['put', 'b', '00ff', '--hex']);
    assert.deepEqual(
      (await run('replica1', ['get', 'b', '-o', 'raw'])).stdoutBytes,
      Buffer.of(0, 255),
    );

    const path = join(cluster.folder.path, 'value.bin');
    writeFileSync(path, Buffer.of(1, 2, 254));
    await run('replica0', ['put', 'c', '--file', path]);
    assert.deepEqual(
      (await run('replica1', ['get', 'c', '-o', 'raw'])).stdoutBytes,
      Buffer.of(1, 2, 254),
    );

    await run('replica0', ['put', 'd', '-'], 'two\nlines\n');
    assert.equal((await run('replica1', ['get', 'd', '-o', 'raw'])).stdout, 'two\nlines\n');

    await run('replica0', ['put', 'e', '--', '-dash']);
    assert.equal((await run('replica1', ['get', 'e'])).stdout, '-dash\n');

    await run('replica0', ['put', 'f', '']);
    assert.equal((await json('replica1', ['get', 'f']))['value'], '');
  });

  it('store what expires, for a while', async () => {
    assert.equal((await run('replica0', ['put', 'short', 'x', '--ttl', '1m'])).code, 0);
    const kept = await json('replica1', ['get', 'short']);
    const writtenMs = Date.parse(String(kept['writeTime']));
    const expiresMs = Date.parse(String(kept['expireTime']));
    assert.ok(Math.abs(expiresMs - writtenMs - 60_000) <= 500, JSON.stringify(kept));
    assert.equal((await run('replica0', ['put', 'short', 'x', '--ttl', '1s'])).code, 0);
    const client = cluster.client('replica1');
    await until('it has expired', async () => (await client.get('short')).value === undefined);
    const { code, stdout, stderr } = await run('replica2', ['get', 'short']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^absent \(expired at \d{4}-.*Z\)\n$/);
    assert.match((await run('replica1', ['entries'])).stdout, /short .* \d{4}-\S+Z +x\n/);

    await client.put('short', { kind: 'text', text: 'y' });
    assert.equal((await client.get('short')).expireTimeMs, undefined);
    await client.put('short', { kind: 'text', text: 'y' }, { ttlMs: 60_000 });
    assert.notEqual((await client.get('short')).expireTimeMs, undefined);
    client.close();
    const refused = await run('replica0', ['put', 'short', 'z', '--ttl', '3651d']);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /INVALID_TTL/);
  });

  it('tell number keys from text keys', async () => {
    await run('replica0', ['put', '63', 'number']);
    await run('replica0', ['put', 'text:63', 'text']);
    assert.equal((await run('replica1', ['get', 'hex:3f'])).stdout, 'number\n');
    assert.equal((await run('replica1', ['get', 'hex:3633'])).stdout, 'text\n');
  });

  it('end with 1 for an absent key, also a deleted one', async () => {
    const never = await run('replica0', ['get', 'never']);
    assert.deepEqual([never.code, never.stdout, never.stderr], [1, '', 'absent\n']);
    await run('replica0', ['put', 'gone', 'x']);
    assert.equal((await run('replica1', ['delete', 'gone'])).code, 0);
    assert.equal((await run('replica2', ['get', 'gone'])).code, 1);
  });

  it('explain which replicas said what', async () => {
    const { explanation } = await json('replica0', ['put', '9', 'x', '-c', 'all', '--explain']);
    const { consistency, replicas } = explanation as {
      consistency: string;
      replicas: readonly { node: string; state: string }[];
    };
    assert.equal(consistency, 'ALL');
    assert.deepEqual(
      replicas.map(({ node, state }) => `${node} ${state}`),
      ['replica0 answered', 'replica1 answered', 'replica2 answered'],
    );
    const table = await run('replica0', ['get', '9', '--explain']);
    assert.equal(table.stdout, 'x\n');
    assert.match(table.stderr, /coordinator replica0, ring epoch 1, token 9; QUORUM needs 2/);
  });

  it('show the cluster, the ring, places, hints and entries', async () => {
    const status = await json('replica3', ['status']);
    assert.equal(status['node'], 'replica3');
    assert.deepEqual([status['serverId'], status['nodeCount']], [4, 4]);
    assert.equal((status['nodes'] as readonly unknown[]).length, 4);
    const shown = await run('replica3', ['status']);
    assert.match(shown.stdout, /^node .*\nreplica0 .* up /);
    assert.match(shown.stderr, /seen by node 4 of 4 \(replica3\) of quorate/);

    const ring = await json('replica0', ['ring']);
    assert.deepEqual((ring['ranges'] as readonly unknown[])[3], {
      owner: 'replica3',
      first: 192,
      last: 255,
      preferenceList: ['replica3', 'replica0', 'replica1'],
    });
    assert.deepEqual((await json('replica0', ['locate', '200']))['preferenceList'], [
      'replica3',
      'replica0',
      'replica1',
    ]);
    assert.match((await run('replica0', ['hints'])).stdout, /^for .*\nreplica1 +0 /);
    const dropped = await run('replica0', ['hints', 'drop', 'replica1']);
    assert.match(dropped.stdout, /^for .*\nreplica1 +0 /);
    assert.match(dropped.stderr, /^0 hints dropped/);
    const unknown = await run('replica0', ['hints', 'drop', 'replica9']);
    assert.deepEqual([unknown.code, unknown.stdout], [4, '']);
    assert.match(unknown.stderr, /no node "replica9": say one of replica0/);
    const unnamed = await run('replica0', ['hints', 'drop']);
    assert.equal(unnamed.code, 2);
    assert.equal((await run('replica0', ['hints', 'dorp', 'replica1'])).code, 2);
    assert.equal((await json('replica0', ['ping']))['status'], 'ready');

    await run('replica0', ['put', '200', 'x', '-c', 'ALL']);
    const entries = await run('replica3', ['entries', '-o', 'json']);
    const found = entries.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; value: unknown })
      .find(({ key }) => key === '200');
    assert.equal(found?.value, 'x');
  });

  it('make any call in JSON, as the generated client does', async () => {
    const rpc = async (method: string, request: unknown) => {
      const address = cluster.address('replica0');
      const words = ['rpc', method, JSON.stringify(request), '-s', address];
      const { stdout, stderr, code } = await runCli(words);
      assert.equal(code, 0, stderr);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const value = { name: 'Ada', list: [1, { deep: null }], empty: {} };
    const [put] = await rpc('KeyValueService/Put', { text_key: 'rpc', json: value });
    const client = cluster.client('replica1');
    const read = await client.get('rpc');
    assert.deepEqual(read.value, { kind: 'json', json: value });
    assert.equal(put?.['version'], read.version);

    await client.put('rpc', { kind: 'bytes', bytes: Buffer.of(0, 255) });
    const [got] = await rpc('quorate.v1.KeyValueService/Get', {
      textKey: 'rpc',
      consistency: 'ALL',
    });
    assert.equal(got?.['rawValue'], 'AP8=');
    assert.equal(got?.['found'], true);
    assert.deepEqual((await rpc('KeyValueService/Get', { text_key: 'none' }))[0]?.['found'], false);

    await rpc('KeyValueService/Put', { text_key: 'rpc', value: 'x', ttl: '2s' });
    const [expiring] = await rpc('KeyValueService/Get', { text_key: 'rpc' });
    assert.match(String(expiring?.['expireTime']), /^\d{4}-.*Z$/);
    await until('it has expired', async () => (await client.get('rpc')).value === undefined);
    const [expired] = await rpc('KeyValueService/Get', { text_key: 'rpc' });
    assert.equal(expired?.['found'], false);
    assert.equal(expired['expireTime'], expiring?.['expireTime']);

    const slices = await rpc('ClusterService/ListEntries', {});
    assert.ok(Array.isArray(slices[0]?.['entries']));
    const [described] = await rpc('ClusterService/DescribeCluster', {});
    assert.equal(described?.['status'], 'STATUS_READY');
  });

  it('end with 2 for what the server is not asked, naming the next step', async () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['get', '7', '--servr', 'x'], /Unknown argument: servr\. Did you mean --server\?/],
      [['gte', '7'], /no command "gte".*Did you mean get\?/],
      [['get'], /an argument is missing: write quorate get <key>/],
      [['get', '7', 'more'], /more/],
      [['get', '7', '-c'], /--consistency needs a value/],
      [['get', '7', '--config'], /--config needs a value/],
      [['get', '7', '--no-server'], /--no-server is not a flag/],
      [['get', '7', '--zookeeper', '127.0.0.1:9/..'], /is not the address of a ZooKeeper/],
      [['get', '--', '-x'], /a key that begins with a dash is text:-x/],
      [['put', '7', '--hex'], /give one value/],
      [['get', 'hex:0'], /not hexadecimal/],
      [['get', '7', '-c', 'MOST'], /ONE, TWO, THREE, QUORUM, ALL/],
      [['get', '7', '--timeout', '5'], /not a duration/],
      [['get', '7', '--timeout', '31s'], /30s is the most/],
      [['put', '7'], /give one value/],
      [['put', '7', '{', '--json'], /not JSON/],
      [['put', '7', '--file', 'missing.bin'], /cannot read missing\.bin/],
      [['rpc', 'KeyValueService/Put', '{"key": "7"'], /not JSON/],
      [['rpc', 'KeyValueService/Put', '{"keey": 7}'], /no field "keey"/],
      [['rpc', 'KeyValueService/Put', '{"key": "abc"}'], /whole number/],
      [['rpc', 'KeyValueService/Get', '{"key": 1, "consistency": "MOST"}'], /QUORUM/],
      [['rpc', 'Nothing/Here'], /there is no call/],
    ];
    for (const [words, sentence] of wrong) {
      const { code, stdout, stderr } = await run('replica0', words);
      assert.deepEqual([code, stdout], [2, ''], words.join(' '));
      assert.match(stderr, sentence);
    }
  });

  it('refuse bytes where they read text, and store them nowhere', async () => {
    const { code, stderr } = await run('replica0', ['put', 'h', '-'], Buffer.of(255, 254));
    assert.equal(code, 2);
    assert.match(stderr, /not text in UTF-8/);
    assert.equal((await run('replica0', ['get', 'h'])).code, 1);
  });

  it('end with 4 for what the server refuses', async () => {
    const long = await run('replica0', ['get', 'k'.repeat(1_025)]);
    assert.equal(long.code, 4);
    assert.match(long.stderr, /INVALID_KEY/);
    const rpc = await run('replica0', ['rpc', 'KeyValueService/Put', '{"key": 256, "value": ""}']);
    assert.equal(rpc.code, 4);
    assert.match(rpc.stderr, /INVALID_KEY/);
  });

  it('end with 3 if nothing answers, also for a write, which was certainly not sent', async () => {
    const [port] = await freePorts(1);
    const { code, stderr } = await runCli(['put', '7', 'x', '-s', `127.0.0.1:${port}`]);
    assert.equal(code, 3);
    assert.match(stderr, /nothing answers at/);
  });

  it('take settings from the environment and a file, the command line first', async () => {
    const path = join(cluster.folder.path, 'settings.json');
    writeFileSync(path, JSON.stringify({ server: cluster.address('replica2'), output: 'json' }));
    const env = { QUORATE_SERVER: cluster.address('replica1') };
    const nodeOf = async (words: readonly string[], options = {}) => {
      const { stdout, stderr } = await runCli(['ping', ...words], options);
      assert.equal(stderr, '');
      return (JSON.parse(stdout) as { node: string }).node;
    };
    assert.equal(await nodeOf(['--config', path]), 'replica2');
    assert.equal(await nodeOf(['--config', path], { env }), 'replica1');
    assert.equal(await nodeOf([], { env: { ...env, QUORATE_CONFIG: path } }), 'replica1');
    const own = ['--config', path, '-s', cluster.address('replica0')];
    assert.equal(await nodeOf(own, { env }), 'replica0');
  });

  it('end quietly when the reader of stdout is gone', async () => {
    const client = cluster.client('replica0');
    const bytes = Buffer.alloc(100_000, 1);
    for (let key = 0; key < 16; key++) await client.put(key, { kind: 'bytes', bytes });
    const entries = new CliProcess(['entries', '-s', cluster.address('replica0')]);
    entries.closeOutput();
    const { code } = await entries.exited;
    assert.equal(code, 0, entries.stderr);
    assert.equal(entries.stderr, '');
  });

  it('end with 5 for a write that may have been applied, and 3 once the nodes are known down', async () => {
    // Both other replicas of key 7 are frozen: the store leaves, and nobody acknowledges it. A
    // command that starts so slowly that they are known down by then proves nothing.
    const put = ['put', '7', 'x', '-c', 'TWO', '--timeout', '500ms'];
    let { code, stderr } = { code: 3, stderr: '' } as { code: number | null; stderr: string };
    for (let tries = 0; code === 3 && tries < 5; tries++) {
      for (const name of ['replica1', 'replica2']) {
        cluster.resume(name);
        await cluster.untilSeen('replica0', name, 'up');
      }
      for (const name of ['replica1', 'replica2']) cluster.pause(name);
      ({ code, stderr } = await run('replica0', put));
    }
    assert.equal(code, 5, stderr);
    assert.match(stderr, /may have been applied/);
    await cluster.untilSeen('replica0', 'replica1', 'down');
    await cluster.untilSeen('replica0', 'replica2', 'down');
    const later = await run('replica0', ['put', '7', 'x']);
    assert.equal(later.code, 3, later.stderr);
    assert.match(later.stderr, /NOT_ENOUGH_REPLICAS/);
    cluster.resume('replica1');
    cluster.resume('replica2');
  });
});

describe('a node', () => {
  const folder = temporaryFolder();
  const started: CliProcess[] = [];
  after(async () => {
    await Promise.all(started.map((each) => each.kill()));
    folder.remove();
  });
  const start = async (words: readonly string[]) => {
    const node = new CliProcess(words);
    started.push(node);
    return node;
  };

  it('drains and ends with 0 at SIGTERM', async () => {
    const [port = 0] = await freePorts(1);
    const replicasFile = writeReplicas(folder.path, [port]);
    const node = await startNode({ name: 'replica0', port, replicasFile });
    started.push(node);
    const [first] = node.stderr.split('\n');
    assert.equal((JSON.parse(first ?? '') as { node: string }).node, 'replica0');
    assert.match(node.stderr, /storage is in memory/);
    node.signal('SIGTERM');
    assert.deepEqual(await node.exited, { code: 0, signal: null });
    assert.equal(node.stdout, '');
  });

  it('says that its port is taken, and ends with 2', async () => {
    const [port = 0] = await freePorts(1);
    const replicasFile = writeReplicas(folder.path, [port]);
    started.push(await startNode({ name: 'replica0', port, replicasFile }));
    const second = await start(['replica', 'replica0', String(port), replicasFile, 'BOTH']);
    assert.equal((await second.exited).code, 2);
    assert.match(
      second.stderr,
      new RegExp(`quorate: cannot listen on 127\\.0\\.0\\.1:${port}.*Stop`),
    );
  });

  it('names file and line of a broken replicas file', async () => {
    const path = join(folder.path, 'broken.txt');
    writeFileSync(path, '# nodes\nreplica0 127.0.0.1 9090\nreplica1 127.0.0.1 zero\n');
    for (const words of [
      ['replica', 'replica0', '9090', path, 'both'],
      ['cluster', '--replicas', path],
    ]) {
      const { code, stderr } = await runCli(words);
      assert.equal(code, 2);
      assert.equal(
        stderr,
        `quorate: ${path}:3: "zero" is not a port; use a number from 1 to 65535.\n`,
      );
    }
  });

  it('refuses what it does not know', async () => {
    const [port = 0] = await freePorts(1);
    const path = writeReplicas(folder.path, [port]);
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['replica9', String(port), path, 'BOTH'], /no node named "replica9"/],
      [['replica0', 'x', path, 'BOTH'], /"x" is not a port/],
      [
        ['replica0', String(port), 'missing.txt', 'BOTH'],
        /cannot read the replicas file missing\.txt/,
      ],
      [['replica0', String(port), path, 'SOME'], /READ-REPAIR, HINTED-HANDOFF, BOTH, NONE/],
      [['replica0', String(port), path, 'BOTH', '--datadir', 'x'], /Unknown argument/],
      [['replica0', String(port), path, 'BOTH', '--partitoner', 'hash'], /--partitioner\?/],
      [['replica0', String(port), path, 'BOTH', '--replication-factor', '0'], /from 1 to 256/],
      [['replica0', String(port), path, 'BOTH', '--startup-window', '30d'], /1d is the most/],
    ];
    for (const [words, sentence] of wrong) {
      const { code, stderr } = await runCli(['replica', ...words]);
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, sentence);
    }
  });

  it('is refused by nodes that read the file in another order, and ends with 2', async () => {
    const [first = 0, second = 0] = await freePorts(2);
    const one = writeReplicas(folder.path, [first, second]);
    started.push(await startNode({ name: 'replica0', port: first, replicasFile: one }));
    const other = join(folder.path, 'other.txt');
    writeFileSync(other, `replica1 127.0.0.1 ${second}\nreplica0 127.0.0.1 ${first}\n`);
    const node = await start(['replica', 'replica1', String(second), other, 'BOTH']);
    assert.equal((await node.exited).code, 2, node.stderr);
    assert.match(node.stderr, /^quorate: /m);
  });

  it('warns if it listens elsewhere than the file says', async () => {
    const [port = 0, elsewhere = 0] = await freePorts(2);
    const replicasFile = writeReplicas(folder.path, [port]);
    const node = await startNode({ name: 'replica0', port: elsewhere, replicasFile });
    started.push(node);
    assert.match(node.stderr, /listens elsewhere/);
    assert.equal((await runCli(['ping', '-s', `127.0.0.1:${elsewhere}`])).code, 0);
  });

  it('has a clock that tests can set', async () => {
    const [port = 0] = await freePorts(1);
    const replicasFile = writeReplicas(folder.path, [port]);
    const clockFile = join(folder.path, 'offset');
    const env = { QUORATE_TEST_CLOCK_OFFSET_FILE: clockFile };
    const node = await startNode({ name: 'replica0', port, replicasFile, env });
    started.push(node);
    const yearMs = 365 * 86_400_000;
    writeFileSync(clockFile, String(yearMs));
    await until('the clock is set', async () => {
      const words = ['put', '1', 'x', '-o', 'json', '-s', `127.0.0.1:${port}`];
      const { stdout } = await runCli(words);
      const { writeTime } = JSON.parse(stdout) as { writeTime: string };
      return Date.parse(writeTime) - Date.now() > yearMs / 2;
    });
  });
});
