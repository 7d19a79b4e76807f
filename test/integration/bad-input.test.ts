import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { PutRequest } from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { Hello } from '../../src/links/frames.ts';
import { protocolVersion } from '../../src/links/handshake.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { decodeResponseFrame, encodeRequestFrame } from '../../src/wire/frame-codec.ts';
import { CliProcess, freePorts, type ProcessCluster, startCluster } from '../support/processes.ts';
import { RawRpc } from '../support/raw-rpc.ts';

const put = '/quorate.v1.KeyValueService/Put';

/** A put whose field numbers and wire types are as in key_value.proto. */
const requests: readonly (readonly [string, PutRequest, string, string])[] = [
  ['key 256', request({ keyForm: { $case: 'key', value: 256 } }), 'INVALID_KEY', 'key'],
  [
    'key 4294967295',
    request({ keyForm: { $case: 'key', value: 2 ** 32 - 1 } }),
    'INVALID_KEY',
    'key',
  ],
  ['no key', request({ keyForm: undefined }), 'INVALID_KEY', 'key_form'],
  [
    'an empty text key',
    request({ keyForm: { $case: 'textKey', value: '' } }),
    'INVALID_KEY',
    'text_key',
  ],
  [
    'a text key of 1,025 bytes',
    request({ keyForm: { $case: 'textKey', value: `${'é'.repeat(512)}x` } }),
    'INVALID_KEY',
    'text_key',
  ],
  [
    'a raw key of 1,025 bytes',
    request({ keyForm: { $case: 'rawKey', value: Buffer.alloc(1_025) } }),
    'INVALID_KEY',
    'raw_key',
  ],
  ['no value', request({ valueForm: undefined }), 'INVALID_VALUE', 'value_form'],
  [
    'a value of 1 MiB and a byte',
    request({ valueForm: { $case: 'rawValue', value: Buffer.alloc(1024 * 1024 + 1) } }),
    'INVALID_VALUE',
    'raw_value',
  ],
  [
    'JSON that is no JSON',
    request({ valueForm: { $case: 'json', value: Number.NaN } }),
    'INVALID_VALUE',
    'json',
  ],
  [
    'JSON 31 levels deep',
    request({ valueForm: { $case: 'json', value: nested(31) } }),
    'INVALID_VALUE',
    'json',
  ],
  ['no ttl at all', request({ ttl: { seconds: 0n, nanos: 0 } }), 'INVALID_TTL', 'ttl'],
  ['a ttl before now', request({ ttl: { seconds: -1n, nanos: 0 } }), 'INVALID_TTL', 'ttl'],
  ['level 99', request({ consistency: 99 as 4 }), 'INVALID_CONSISTENCY', 'consistency'],
];

describe('bad input', () => {
  let cluster: ProcessCluster;
  let raw: RawRpc;

  before(async () => {
    cluster = await startCluster();
    raw = new RawRpc(cluster.address('replica0'));
  });

  after(async () => {
    raw.close();
    await cluster.stop();
  });

  const stillServes = async () => {
    const client = cluster.client('replica0');
    await client.put(1, { kind: 'text', text: 'alive' });
    assert.deepEqual((await client.get(1)).value, { kind: 'text', text: 'alive' });
    client.close();
    for (const name of cluster.names) assert.equal(cluster.node(name).exit, undefined, name);
  };

  for (const [what, message, code, field] of requests) {
    it(`is answered with ${code} naming ${field}: ${what}`, async () => {
      const answer = await raw.unary(put, PutRequest.encode(message).finish());
      assert.ok(answer instanceof QuorateError, 'it was accepted');
      assert.equal(answer.code, code);
      assert.equal(answer.details['field'], field);
      assert.equal(answer.mayHaveApplied, false);
      await stillServes();
    });
  }

  it('with two key forms in one frame counts the last one', async () => {
    const first = PutRequest.encode(request({ keyForm: { $case: 'key', value: 9 } })).finish();
    const secondKey = Buffer.concat([Buffer.of((2 << 3) | 2, 4), Buffer.from('last')]);
    const answer = await raw.unary(put, Buffer.concat([first, secondKey]));
    assert.ok(Buffer.isBuffer(answer));
    const client = cluster.client('replica1');
    assert.deepEqual((await client.get('last')).value, { kind: 'text', text: 'x' });
    assert.equal((await client.get(9)).value, undefined);
  });

  it('of text that is not UTF-8 is refused, not changed', async () => {
    const key = Buffer.of((2 << 3) | 2, 2, 0x61, 0xff);
    const value = Buffer.of((4 << 3) | 2, 1, 0x78);
    const badValue = Buffer.of((4 << 3) | 2, 2, 0xfe, 0x62);
    for (const bytes of [
      Buffer.concat([key, value]),
      Buffer.concat([Buffer.of((1 << 3) | 0, 9), badValue]),
    ]) {
      const answer = await raw.unary(put, bytes);
      assert.ok(answer instanceof QuorateError);
      assert.equal(answer.code, 'INVALID_ARGUMENT');
      assert.match(String(answer.details['reason']), /not UTF-8/);
    }
  });

  it('of random bytes in place of a request ends the call and nothing else', async () => {
    for (let round = 0; round < 500; round++) {
      const answer = await raw.unary(put, randomBytes(1 + (round % 60)));
      if (answer instanceof QuorateError) assert.match(answer.code, /^INVALID_/);
    }
    const deep = PutRequest.encode(request({ valueForm: { $case: 'json', value: nested(300) } }));
    const answer = await raw.unary(put, deep.finish());
    assert.ok(answer instanceof QuorateError && answer.code === 'INVALID_ARGUMENT');
    await stillServes();
  });

  it('over the message limit is refused', async () => {
    const answer = await raw.unary(put, Buffer.alloc(5 * 1024 * 1024));
    assert.ok(answer instanceof QuorateError);
    assert.equal(answer.code, 'INVALID_ARGUMENT');
    await stillServes();
  });

  it('of random bytes on the port closes that connection only', async () => {
    await Promise.all(Array.from({ length: 50 }, () => throwBytes(cluster.address('replica0'))));
    await stillServes();
  });

  it('of 10,000 random frames on peer streams ends those streams only', async () => {
    for (let round = 0; round < 9_000; round += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, at) => raw.peerStream([randomBytes(1 + at)], 500)),
      );
    }
    await stillServes();
  });

  it('of random frames after a valid hello ends that stream only', async () => {
    await cluster.kill('replica3');
    await cluster.untilSeen('replica0', 'replica3', 'down');
    for (let round = 0; round < 1_000; round++) {
      const hello = encodeRequestFrame({ kind: 'hello', hello: helloOf(cluster.names) });
      const junk = Buffer.concat([Buffer.of(0x1a), randomBytes(1 + (round % 90))]);
      const { received } = await raw.peerStream([hello, junk], 300);
      const [first] = received.map(decodeResponseFrame);
      assert.equal(first?.kind, 'welcome');
    }
    const [own] = (await entriesOf(cluster, 'replica0')).filter(
      (key) => key !== 1 && key !== 'last',
    );
    assert.equal(own, undefined, 'nothing of the junk was stored');
    await cluster.restart('replica3');
    await stillServes();
  });

  it('as a second process of a name that runs is told to stop, exit 2', async () => {
    const [port = 0] = await freePorts(1);
    const second = new CliProcess([
      'replica',
      'replica2',
      String(port),
      cluster.replicasFile,
      'BOTH',
    ]);
    const { code } = await second.exited;
    assert.equal(code, 2);
    assert.match(second.stderr, /another process runs as replica2/);
    await stillServes();
  });

  it('as a node of another cluster is told both names, exit 2', async () => {
    await cluster.kill('replica3');
    const port = cluster.address('replica3').split(':')[1] ?? '';
    const args = ['replica', 'replica3', port, cluster.replicasFile, 'BOTH'];
    const foreign = new CliProcess([...args, '--cluster-name', 'other']);
    const { code } = await foreign.exited;
    assert.equal(code, 2);
    assert.match(
      foreign.stderr,
      /in cluster "quorate".*in "other"|in cluster "other".*in "quorate"/,
    );
    const rehashed = new CliProcess([...args, '--partitioner', 'hash']);
    assert.equal((await rehashed.exited).code, 2);
    assert.match(rehashed.stderr, /the rings differ/);
    await cluster.restart('replica3');
    await stillServes();
  });
});

function request(part: Partial<PutRequest>): PutRequest {
  return {
    keyForm: { $case: 'key', value: 7 },
    valueForm: { $case: 'value', value: 'x' },
    consistency: 4,
    explain: false,
    ttl: undefined,
    ...part,
  };
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function throwBytes(address: string): Promise<void> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => socket.write(randomBytes(2_000)));
    socket.setTimeout(500, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

/** What replica3 of this cluster would say. */
function helloOf(names: readonly string[]): Hello {
  const ring = new Ring({
    epoch: 1,
    partitioner: byteOrderedPartitioner,
    replicationFactor: 3,
    owners: evenOwners(names),
  });
  return {
    protocolVersion,
    clusterName: 'quorate',
    node: 'replica3',
    incarnation: 1n,
    ringDigest: ring.digest(),
    clockMs: Date.now(),
    dataId: '',
    isRebuilt: false,
    standing: { servesReads: true, takesWrites: true },
  };
}

async function entriesOf(cluster: ProcessCluster, name: string): Promise<unknown[]> {
  const keys: unknown[] = [];
  for await (const { key } of cluster.client(name).listEntries()) keys.push(key);
  return keys;
}
