/** Snapshots of nodes that serve: what they hold, what they may be used for, and what is refused. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeClient } from '../../src/client/node-client.ts';
import { DataDirectory } from '../../src/data-directory/data-directory.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { keyFromWire } from '../../src/wire/key-form.ts';
import { type ProcessCluster, runCli, startCluster } from '../support/processes.ts';

/** Puts numbers that grow under some keys, until it is stopped. */
class Load {
  /** The last number that was acknowledged for each key. */
  readonly acknowledged = new Map<string, number>();
  readonly #ended: Promise<unknown>;
  #isStopped = false;

  constructor(clients: readonly NodeClient[]) {
    this.#ended = Promise.all(clients.map((client, index) => this.#write(client, index)));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  async #write(client: NodeClient, index: number): Promise<void> {
    for (let count = 1; !this.#isStopped; count++) {
      const key = `${'aGpz'[count % 4]}${index}-${count % 40}`;
      await client.put(key, { kind: 'text', text: String(count) });
      this.acknowledged.set(key, count);
    }
  }
}

async function numberOf(client: NodeClient, key: string): Promise<number> {
  const { value } = await client.get(key);
  return value?.kind === 'text' ? Number(value.text) : 0;
}

describe('a snapshot', () => {
  let cluster: ProcessCluster;
  const toAll = new Map<string, string>();
  let acknowledged: ReadonlyMap<string, number> = new Map();
  const snapshotOf = (name: string) => join(cluster.folder.path, 'snapshots', name);
  const take = (name: string, directory: string) =>
    runCli(['snapshot', directory, '-s', cluster.address(name), '-o', 'json']);

  /** Puts a copy of the snapshot of a node in the place of its data. */
  function putBack(name: string): void {
    rmSync(cluster.directory(name), { recursive: true, force: true });
    cpSync(snapshotOf(name), cluster.directory(name), { recursive: true });
  }

  before(async () => {
    cluster = await startCluster({ isDurable: true });
    const client = cluster.client('replica0');
    for (let count = 0; count < 60; count++) {
      toAll.set(`${count % 3}all${count}`, `value ${count}`);
    }
    for (const [key, text] of toAll) {
      await client.put(key, { kind: 'text', text }, { consistency: 'ALL' });
    }
  });
  after(() => cluster.stop());

  it('is written under load', async () => {
    const load = new Load(cluster.names.map((name) => cluster.client(name)));
    try {
      while (load.acknowledged.size < 100) await cluster.client('replica1').get('a');
      acknowledged = new Map(load.acknowledged);
      for (const name of cluster.names) {
        const { code, stdout, stderr } = await take(name, snapshotOf(name));
        assert.equal(code, 0, stderr);
        const { directory, bytes } = JSON.parse(stdout) as { directory: string; bytes: number };
        assert.equal(directory, snapshotOf(name));
        assert.ok(bytes > 64 * 1024, stdout);
        assert.deepEqual(readdirSync(directory).sort(), ['data.mdb', 'state']);
      }
    } finally {
      await load.stop();
    }
  });

  it('holds every write that its node had acknowledged before it began', async () => {
    const copy = join(cluster.folder.path, 'copy');
    for (const name of cluster.names) {
      cpSync(snapshotOf(name), copy, { recursive: true });
      const opened = await DataDirectory.open(
        { clock: new SystemClock(), random: new SystemRandom() },
        copy,
        { clusterName: 'quorate', node: name, rebuild: false, restore: true },
      );
      const storage = new DurableStorage(opened.tables);
      const { nodes } = await cluster.client(name).describeCluster();
      assert.equal(nodes.length, 4);
      for (const [key, text] of toAll) {
        const { preferenceList } = await cluster.client(name).locate(key);
        if (!preferenceList.includes(name)) continue;
        const bytes = storage.get(keyFromWire({ $case: 'textKey', value: key }))?.value?.bytes;
        assert.equal(bytes && Buffer.from(bytes).toString(), text, `${name} ${key}`);
      }
      await opened.close();
      rmSync(copy, { recursive: true });
    }
  });

  it('is refused where it cannot be written', async () => {
    const full = join(cluster.folder.path, 'full');
    cpSync(snapshotOf('replica0'), full, { recursive: true });
    for (const [directory, sentence] of [
      [full, /INVALID_ARGUMENT: .*full is not empty: name a new one/],
      [join(cluster.replicasFile, 'below'), /INVALID_ARGUMENT: .* cannot be written .*ENOTDIR/],
    ] as const) {
      const { code, stderr } = await take('replica0', directory);
      assert.equal(code, 4, stderr);
      assert.match(stderr, sentence);
    }
    const memory = await startCluster({ nodes: 1 });
    const { code, stderr } = await runCli(['snapshot', full, '-s', memory.address('replica0')]);
    await memory.stop();
    assert.equal(code, 2, stderr);
    assert.match(stderr, /in memory only: use `quorate export` instead/);
  });

  it('is no data for a node unless it says so, and then none for a cluster that lives on', async () => {
    await cluster.kill('replica1');
    const own = `${cluster.directory('replica1')}-own`;
    renameSync(cluster.directory('replica1'), own);
    putBack('replica1');
    await assert.rejects(cluster.restart('replica1'), /holds a snapshot of 20.*--rebuild/);
    await assert.rejects(cluster.restart('replica1', '--restore'), /replica1 comes with the data/);
    await assert.rejects(cluster.restart('replica1'), /replica1 comes with the data directory/);
    rmSync(cluster.directory('replica1'), { recursive: true });
    renameSync(own, cluster.directory('replica1'));
    await cluster.restart('replica1');
  });

  it('brings back the whole cluster together with those of all other nodes', async () => {
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    for (const name of cluster.names) putBack(name);
    await Promise.all(cluster.names.map((name) => cluster.restart(name, '--restore')));
    await cluster.untilMet();
    const client = cluster.client('replica2');
    for (const [key, count] of acknowledged) {
      const found = await numberOf(client, key);
      assert.ok(found >= count, `${key} is ${found}, ${count} was acknowledged`);
    }
    await client.put('later', { kind: 'text', text: 'acknowledged' });

    // Whoever restores one of them once more gets other data again.
    await cluster.kill('replica1');
    putBack('replica1');
    await assert.rejects(cluster.restart('replica1', '--restore'), /replica1 comes with the data/);
    putBack('replica1');
    await cluster.restart('replica1', '--rebuild');
    assert.match(cluster.node('replica1').stderr, /rebuilding: answers no reads until/);
  });
});
