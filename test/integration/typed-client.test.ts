/** `quorate/client` against real nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  bytes,
  type Codec,
  json,
  type KeyView,
  QuorateClient,
  QuorateError,
} from '../../src/client/typed/index.ts';
import { TestCluster } from '../../src/testing/index.ts';

interface User {
  readonly name: string;
  readonly age?: number;
}

/** Dates as text. */
const date: Codec<Date> = {
  encode: (value) => ({ kind: 'text', text: value.toISOString() }),
  decode: (stored) => {
    if (stored.kind !== 'text') throw new Error('no date');
    return new Date(stored.text);
  },
};

describe('the typed client', () => {
  let cluster: TestCluster;
  let url: string;
  let client: QuorateClient;

  before(async () => {
    cluster = await TestCluster.start();
    url = `quorate://${cluster.address('replica0')},${cluster.address('replica3')}`;
    client = await QuorateClient.connect(url, { timeoutMs: 10_000 });
  });

  after(async () => {
    await client?.close();
    await cluster.stop();
  });

  it('reads what it wrote under each spelling of a key', async () => {
    for (const key of [7, 'text', 'köln', Uint8Array.of(0, 255, 7)]) {
      assert.equal(await client.get(key), undefined);
      const { version } = await client.put(key, `value of ${key}`);
      assert.equal(await client.get(key), `value of ${key}`);
      const entry = await client.getEntry(key);
      assert.equal(entry.version, version);
      assert.ok(Math.abs((entry.writeTimeMs ?? 0) - Date.now()) < 60_000);
      const deleted = await client.delete(key);
      assert.ok(deleted.version > version);
      assert.equal(await client.get(key), undefined);
    }
  });

  it('keeps the types of values, and tells one from another', async () => {
    const users: KeyView<User> = client.view(json<User>(), { prefix: 'user:' });
    const files = client.view(bytes, { prefix: 'file:' });
    const dates = client.view(date);
    await users.put('ada', { name: 'Ada', age: 36 });
    await files.put(Uint8Array.of(1, 2), Uint8Array.of(0, 128, 255));
    await dates.put('birth', new Date(0));
    assert.deepEqual(await users.get('ada'), { name: 'Ada', age: 36 });
    assert.deepEqual(await files.get(Uint8Array.of(1, 2)), Buffer.from([0, 128, 255]));
    assert.deepEqual(await dates.get('birth'), new Date(0));
    assert.deepEqual(await client.view(json<User>()).get('user:ada'), { name: 'Ada', age: 36 });
    await assert.rejects(client.get('user:ada'), { code: 'INVALID_VALUE' });
    await assert.rejects(dates.get('user:ada'), { code: 'INVALID_VALUE', message: /no date/ });
  });

  it('passes on the level, the life of a value, and the wish for an explanation', async () => {
    const written = await client.put('explained', 'x', {
      consistency: 'ALL',
      ttlMs: 3_600_000,
      explain: true,
    });
    assert.equal(written.explanation?.received, 3);
    const entry = await client.getEntry('explained', { consistency: 'ONE', explain: true });
    assert.equal(entry.explanation?.consistency, 'ONE');
    assert.ok((entry.expireTimeMs ?? 0) > Date.now() + 3_000_000);
  });

  it('goes to one of the replicas of the key', async () => {
    for (let byte = 0; byte < 256; byte += 8) {
      const { explanation } = await client.getEntry(byte, { explain: true });
      const replicas = explanation?.replicas.map(({ node }) => node) ?? [];
      assert.ok(replicas.includes(explanation?.coordinator ?? ''), `key ${byte}`);
    }
  });

  it('goes to the one coordinator that it was told', async () => {
    await using pinned = await QuorateClient.connect(`${url}?coordinator=replica2`);
    for (let byte = 0; byte < 256; byte += 64) {
      const { explanation } = await pinned.getEntry(byte, { explain: true });
      assert.equal(explanation?.coordinator, 'replica2');
    }
  });

  it('says the same without pipelining', async () => {
    await using plain = await QuorateClient.connect(url, { pipelining: false });
    const users = plain.view(json<User>());
    const written = await users.put('plain', { name: 'Bob' });
    assert.deepEqual(await users.get('plain'), { name: 'Bob' });
    assert.equal((await users.getEntry('plain')).version, written.version);
    await users.delete('plain');
    assert.equal(await users.get('plain'), undefined);
    await assert.rejects(plain.get('user:ada', { consistency: 'THREE' }), QuorateError);
  });

  it('carries many calls at once', async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `many:${index}`);
    await Promise.all(keys.map((key) => client.put(key, key, { timeoutMs: 20_000 })));
    const values = await Promise.all(keys.map((key) => client.get(key, { timeoutMs: 20_000 })));
    assert.deepEqual(values, keys);
  });

  it('carries what grows on its way, beside others', async () => {
    const lists = client.view(json<number[]>(), { prefix: 'list:', timeoutMs: 10_000 });
    const lengths = [250_000, 120_000, 120_000, 250_000];
    await Promise.all(lengths.map((length, key) => lists.put(String(key), Array(length).fill(1))));
    const read = await Promise.all(lengths.map((_, key) => lists.get(String(key))));
    assert.deepEqual(
      read.map((list) => list?.length),
      lengths,
    );
  });

  it('refuses what is wrong before it is sent', async () => {
    const wrong: readonly [Promise<unknown>, string][] = [
      [client.get(256), 'INVALID_KEY'],
      [client.get(1.5), 'INVALID_KEY'],
      [client.get(''), 'INVALID_KEY'],
      [client.get('k'.repeat(1_025)), 'INVALID_KEY'],
      [client.put('k', 'x'.repeat(1_048_577)), 'INVALID_VALUE'],
      [client.view(json<unknown>()).put('k', { rate: Number.NaN }), 'INVALID_VALUE'],
      [client.view(json<unknown>()).put('k', undefined), 'INVALID_VALUE'],
      [client.put('k', 'x', { ttlMs: -1 }), 'INVALID_TTL'],
      [client.get('k', { timeoutMs: 0 }), 'INVALID_ARGUMENT'],
      [client.get('k', { consistency: 'MOST' as 'ALL' }), 'INVALID_CONSISTENCY'],
      [client.get('k', { signal: AbortSignal.abort() }), 'CANCELLED'],
      [QuorateClient.connect('quorate://nowhere'), 'CONFIGURATION'],
      [QuorateClient.connect(`${url}?consistancy=one`), 'CONFIGURATION'],
    ];
    for (const [index, [promise, code]] of wrong.entries()) {
      await assert.rejects(promise, { code, mayHaveApplied: false }, `number ${index}`);
    }
  });
});
