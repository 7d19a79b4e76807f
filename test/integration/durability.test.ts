import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ProcessCluster, startCluster } from '../support/processes.ts';

describe('a cluster with its data on disk', () => {
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await startCluster({ isDurable: true });
  });
  after(() => cluster.stop());

  it('has what it acknowledged after all nodes were killed at once', async () => {
    const written: [string, string | undefined][] = [];
    for (let index = 0; index < 200; index++) {
      const client = cluster.client(cluster.names[index % 4] ?? '');
      const key = `key${index % 120}`;
      const text = `value ${index}`;
      if (index % 7 === 3) await client.delete(key);
      else await client.put(key, { kind: 'text', text });
      written.push([key, index % 7 === 3 ? undefined : text]);
      client.close();
    }
    const expected = new Map(written);
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    await Promise.all(cluster.names.map((name) => cluster.restart(name)));
    await cluster.untilMet();
    const client = cluster.client('replica2');
    for (const [key, text] of expected) {
      const { value } = await client.get(key);
      assert.equal(value?.kind === 'text' ? value.text : undefined, text, key);
    }
  });
});
