import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ProcessCluster, startCluster } from '../support/processes.ts';

describe('large values', () => {
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await startCluster({ nodes: 1 });
  });
  after(() => cluster.stop());

  it('do not end a listing of entries', async () => {
    const client = cluster.client('replica0');
    for (const [key, length] of [
      ['aa', 1],
      ['bb', 600 * 1024],
      ['cc', 1],
    ] as const) {
      await client.put(key, { kind: 'bytes', bytes: new Uint8Array(length) });
    }
    const keys = [];
    for await (const { key } of client.listEntries()) keys.push(key);
    assert.deepEqual(keys, ['aa', 'bb', 'cc']);
  });

  it('that were stored can be read, or else were refused', async () => {
    const client = cluster.client('replica0', { timeoutMs: 10_000 });
    // 11 bytes of google.protobuf.Value each: within a few bytes of the 4 MiB that a message has.
    const json = new Array<number>(381_298).fill(0);
    const isStored = await client.put('json', { kind: 'json', json }).then(
      () => true,
      () => false,
    );
    if (isStored) await client.get('json');
  });
});
