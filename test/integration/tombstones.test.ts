import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const untilGoneMs = 60_000;

describe('a cluster of processes whose tombstones are kept for a second', () => {
  let cluster: ProcessCluster;
  before(async () => {
    const args = ['--tombstone-age=1s'];
    cluster = await startCluster({ nodes: 3, isDurable: true, args });
  });
  after(() => cluster.stop());

  it('forgets deletes on all nodes, and ends a node that comes back with its disk of before', async () => {
    const client = cluster.client('replica0');
    await client.put('gone', { kind: 'text', text: 'x' }, { consistency: 'ALL' });
    await client.put('stays', { kind: 'text', text: 'y' }, { consistency: 'ALL' });
    await cluster.stopNode('replica2');
    const directory = cluster.directory('replica2');
    const copy = join(cluster.folder.path, 'copy');
    cpSync(directory, copy, { recursive: true });
    await cluster.restart('replica2');
    await cluster.untilMet();
    await client.delete('gone', { consistency: 'ALL' });
    // Nothing is forgotten within 31 s, which need not be waited for.
    for (const name of cluster.names) cluster.skew(name, 60_000);
    for (const name of cluster.names) {
      await until(
        `${name} has forgotten`,
        async () => (await cluster.client(name).describeCluster()).entries === 1,
        untilGoneMs,
      );
    }
    await until('it is absent at ALL', () =>
      client.get('gone', { consistency: 'ALL' }).then(
        ({ value }) => value === undefined,
        () => false,
      ),
    );
    await cluster.kill('replica2');
    rmSync(directory, { recursive: true });
    cpSync(copy, directory, { recursive: true });
    // It may be ready for a moment.
    await cluster.restart('replica2').catch(() => undefined);
    const { code } = await cluster.node('replica2').exited;
    assert.equal(code, 2);
    assert.match(cluster.node('replica2').stderr, /older copy.*--rebuild/);
    assert.equal((await client.get('gone')).value, undefined);
  });
});
