/**
 * The two calls of etcd's `etcdserverpb.KV` that are compared, written from its documented field
 * numbers: PutRequest has key = 1 and value = 2, RangeRequest key = 1 (and range_end = 2, and
 * serializable = 7, both left out: one key, read linearizably), RangeResponse kvs = 2, and each of
 * those value = 5.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { QuorateError } from '../src/base/quorate-error.ts';
import { unaryInFlightMax } from '../src/cli/bench/load/cluster-load.ts';
import type { LoadClient } from '../src/cli/bench/load/load.ts';
import { channelOptions } from '../src/client/channel-options.ts';
import type { Clock } from '../src/runtime/clock.ts';

export type EtcdAction = 'put' | 'get';

export const etcdPaths: Readonly<Record<EtcdAction, string>> = {
  put: '/etcdserverpb.KV/Put',
  get: '/etcdserverpb.KV/Range',
};

const timeoutMs = 2_000;

/** The message of a call. */
export function encodeEtcd(action: EtcdAction, key: Buffer, valueBytes: number): Buffer {
  const writer = new BinaryWriter().uint32(tag(1)).bytes(key);
  if (action === 'put') writer.uint32(tag(2)).bytes(Buffer.alloc(valueBytes, 'v'));
  return Buffer.from(writer.finish());
}

/** How long the value of the one key is that was read; `undefined` if it is absent. */
export function decodeEtcdValueBytes(response: Uint8Array): number | undefined {
  const pair = fieldOf(response, 2);
  return pair && (fieldOf(pair, 5)?.length ?? 0);
}

/** The first field of this number, which holds bytes. */
function fieldOf(message: Uint8Array, number: number): Uint8Array | undefined {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === number && wireType === bytesWireType) return reader.bytes();
    reader.skip(wireType, field);
  }
  return undefined;
}

const bytesWireType = 2;

function tag(field: number): number {
  return (field << 3) | bytesWireType;
}

/** Connects to one node. */
export function openEtcd(
  clock: Clock,
  address: string,
  action: EtcdAction,
  valueBytes: number,
): LoadClient {
  const client = new Client(address, credentials.createInsecure(), channelOptions);
  const isRight = (response: Uint8Array) =>
    action === 'put' || decodeEtcdValueBytes(response) === valueBytes;
  return {
    call: (key) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest<Buffer, Buffer>(
          etcdPaths[action],
          (message) => message,
          (message) => message,
          encodeEtcd(action, key, valueBytes),
          new Metadata(),
          { deadline: clock.realtimeMs() + timeoutMs },
          (error, response) => {
            if (error !== null) reject(new QuorateError('CONNECTION_FAILED', {}, error.message));
            else resolve(response !== undefined && isRight(response));
          },
        );
      }),
    inFlightMax: unaryInFlightMax,
    close: () => client.close(),
  };
}
