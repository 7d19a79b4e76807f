import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Client, credentials } from '@grpc/grpc-js';
import { TestCluster } from '../../src/testing/index.ts';

const buf = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));
const run = promisify(execFile);

describe('a stranger with reflection only', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start();
  });

  after(async () => {
    await cluster.stop();
  });

  const curl = async (node: string, method: string, data = '{}'): Promise<unknown> => {
    const url = `http://${cluster.address(node)}/${method}`;
    const flags = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', '-d', data, url];
    const { stdout } = await run(buf, flags);
    return JSON.parse(stdout);
  };

  it('puts and gets the lines of the contract through any node', async () => {
    const kv = 'quorate.v1.KeyValueService';
    await curl('replica0', `${kv}/Put`, '{"key": 7, "value": "hello", "consistency": "QUORUM"}');
    await curl('replica1', `${kv}/Put`, '{"text_key": "user:42", "json": {"name": "Ada"}}');
    const one = await curl(
      'replica2',
      `${kv}/Get`,
      '{"key": 7, "consistency": "ONE", "explain": true}',
    );
    const through3 = await curl('replica3', `${kv}/Get`, '{"key": 7}');
    assert.deepEqual(pick(through3, ['found', 'value']), { found: true, value: 'hello' });
    assert.deepEqual(pick(one, ['found', 'value']), { found: true, value: 'hello' });
    assert.deepEqual(pick((one as { explanation: unknown }).explanation, ['token', 'required']), {
      token: 7,
      required: 1,
    });
    const ada = await curl('replica3', `${kv}/Get`, '{"textKey": "user:42"}');
    assert.deepEqual((ada as { json: unknown }).json, { name: 'Ada' });
  });

  it('is told "found": false for an absent key', async () => {
    const answer = await curl('replica0', 'quorate.v1.KeyValueService/Get', '{"key": 99}');
    assert.deepEqual(answer, { found: false });
  });

  it('is told where keys live', async () => {
    const table: readonly (readonly [number, string])[] = [
      [0, '0 1 2'],
      [63, '0 1 2'],
      [64, '1 2 3'],
      [127, '1 2 3'],
      [128, '2 3 0'],
      [191, '2 3 0'],
      [192, '3 0 1'],
      [255, '3 0 1'],
    ];
    await Promise.all(
      table.map(async ([key, nodes]) => {
        const answer = await curl(
          'replica1',
          'quorate.v1.ClusterService/LocateKey',
          `{"key": ${key}}`,
        );
        const preferenceList = nodes.split(' ').map((digit) => `replica${digit}`);
        assert.deepEqual(answer, { token: key, preferenceList, ringEpoch: 1 });
      }),
    );
  });

  it('sees health, and error details can be decoded, by both versions of reflection', async () => {
    const health = await curl(
      'replica0',
      'grpc.health.v1.Health/Check',
      '{"service": "quorate.v1.KeyValueService"}',
    );
    assert.deepEqual(health, { status: 'SERVING' });
    const membership = await curl(
      'replica0',
      'grpc.health.v1.Health/Check',
      '{"service": "quorate.v1.Membership"}',
    );
    assert.deepEqual(membership, { status: 'SERVING' });
    const client = new Client(cluster.address('replica0'), credentials.createInsecure());
    for (const version of ['v1', 'v1alpha']) {
      for (const symbol of [
        'quorate.v1.KeyValueService',
        'quorate.v1.ClusterService.DescribeCluster',
        'google.rpc.ErrorInfo',
        'google.rpc.BadRequest',
        'grpc.health.v1.Health',
      ]) {
        const files = await filesOf(client, version, symbol);
        assert.ok(files.length > 0, `${symbol} by ${version}`);
        const name = symbol.split('.').at(-1) ?? '';
        assert.ok(
          files.some((file) => file.includes(name)),
          `${symbol} by ${version}`,
        );
      }
      const [file] = await filesOf(client, version, 'quorate.v1.KeyValueService');
      assert.ok(file?.includes('Deleting an absent key is OK.'), 'comments travel');
    }
    client.close();
  });
});

/** The file descriptors that reflection answers for a symbol. */
function filesOf(client: Client, version: string, symbol: string): Promise<readonly Buffer[]> {
  const request = new BinaryWriter()
    .uint32((4 << 3) | 2)
    .string(symbol)
    .finish();
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    (bytes) => bytes,
    (bytes) => bytes,
    { deadline: Date.now() + 5_000 },
  );
  return new Promise((resolve, reject) => {
    call.on('data', (answer: Buffer) =>
      resolve(fieldsOf(answer, 4).flatMap((f) => fieldsOf(f, 1))),
    );
    call.on('error', reject);
    call.write(Buffer.from(request));
    call.end();
  });
}

/** The contents of one length-delimited field. */
function fieldsOf(message: Buffer, wanted: number): Buffer[] {
  const reader = new BinaryReader(message);
  const found: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) found.push(Buffer.from(reader.bytes()));
    else reader.skip(type, field);
  }
  return found;
}

function pick(from: unknown, names: readonly string[]): Record<string, unknown> {
  const record = from as Record<string, unknown>;
  return Object.fromEntries(names.map((name) => [name, record[name]]));
}
