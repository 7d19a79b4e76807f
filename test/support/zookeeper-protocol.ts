import jute from 'node-zookeeper-client/lib/jute/index.js';
import type { FakeOperation, FakeStat } from './fake-znodes.ts';

/**
 * ZooKeeper's protocol as a server sees it, on the records of the client: frames, requests,
 * replies. Only what a session of ours sends.
 */
type JuteRecord = InstanceType<(typeof jute.protocol)[string]>;

export interface ConnectFrame {
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Buffer;
  readonly lastZxid: bigint;
}

export type RequestFrame =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Buffer;
      readonly flags: number;
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version: number }
  | {
      readonly kind: 'set';
      readonly path: string;
      readonly version: number;
      readonly data: Buffer;
    }
  | {
      readonly kind: 'exists' | 'get' | 'children';
      readonly path: string;
      readonly watch: boolean;
    }
  | { readonly kind: 'multi'; readonly operations: readonly FakeOperation[] }
  | { readonly kind: 'ping' | 'close' };

const kinds: Readonly<Record<number, string>> = {
  1: 'create',
  2: 'delete',
  3: 'exists',
  4: 'get',
  5: 'set',
  11: 'ping',
  12: 'children',
  13: 'check',
  14: 'multi',
  [-11]: 'close',
};
const recordOfKind: Readonly<Record<string, string>> = {
  create: 'CreateRequest',
  delete: 'DeleteRequest',
  exists: 'ExistsRequest',
  get: 'GetDataRequest',
  set: 'SetDataRequest',
  children: 'GetChildren2Request',
  check: 'CheckVersionRequest',
};
const typeOfKind = new Map(Object.entries(kinds).map(([type, kind]) => [kind, Number(type)]));
const notificationXid = -1;
const errorType = -1;

/** Cuts a stream into frames. */
export class FrameReader {
  #held = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    this.#held = Buffer.concat([this.#held, chunk]);
    const frames: Buffer[] = [];
    while (this.#held.length >= 4) {
      const end = 4 + this.#held.readInt32BE(0);
      if (this.#held.length < end) break;
      frames.push(this.#held.subarray(4, end));
      this.#held = this.#held.subarray(end);
    }
    return frames;
  }
}

export function decodeConnect(frame: Buffer): ConnectFrame {
  const { record } = decode('ConnectRequest', frame, 0);
  return {
    timeoutMs: Number(record['timeOut']),
    sessionId: fromLong(record['sessionId']),
    password: record['passwd'] as Buffer,
    lastZxid: fromLong(record['lastZxidSeen']),
  };
}

export function encodeConnected(timeoutMs: number, sessionId: bigint, password: Buffer): Buffer {
  return frameOf([create('ConnectResponse', 0, timeoutMs, toLong(sessionId), password)]);
}

export function decodeRequest(frame: Buffer): { readonly xid: number; request: RequestFrame } {
  const header = decode('RequestHeader', frame, 0);
  const xid = Number(header.record['xid']);
  const kind = kinds[Number(header.record['type'])] ?? 'unknown';
  if (kind === 'ping' || kind === 'close') return { xid, request: { kind } };
  if (kind === 'multi') {
    return { xid, request: { kind, operations: decodeMulti(frame, header.end) } };
  }
  return { xid, request: decodeBody(kind, frame, header.end).body as RequestFrame };
}

function decodeMulti(frame: Buffer, start: number): readonly FakeOperation[] {
  const operations: FakeOperation[] = [];
  for (let offset = start; ; ) {
    const header = decode('MultiHeader', frame, offset);
    if (header.record['done'] === true) return operations;
    const kind = kinds[Number(header.record['type'])] ?? 'unknown';
    const { body, end } = decodeBody(kind, frame, header.end);
    operations.push(body as FakeOperation);
    offset = end;
  }
}

function decodeBody(kind: string, frame: Buffer, start: number): { body: unknown; end: number } {
  const { record, end } = decode(recordOfKind[kind] ?? kind, frame, start);
  const { path, version, flags, watch } = record;
  const data = record['data'] ?? Buffer.alloc(0);
  return { body: { kind, path, version, flags, watch, data }, end };
}

export function encodeReply(xid: number, zxid: bigint, number: number, body?: Body): Buffer {
  const header = create('ReplyHeader', xid, toLong(zxid), number);
  return frameOf([header, ...(body ?? [])]);
}

export type Body = readonly JuteRecord[];

export const bodies = {
  create: (path: string): Body => [create('CreateResponse', path)],
  exists: (stat: FakeStat): Body => [create('ExistsResponse', statRecord(stat))],
  set: (stat: FakeStat): Body => [create('SetDataResponse', statRecord(stat))],
  get: (data: Buffer, stat: FakeStat): Body => [create('GetDataResponse', data, statRecord(stat))],
  children: (names: readonly string[], stat: FakeStat): Body => [
    create('GetChildren2Response', names, statRecord(stat)),
  ],
  multi: (
    operations: readonly FakeOperation[],
    results: readonly (string | FakeStat | undefined)[],
  ): Body => [
    ...operations.flatMap(({ kind }, index) => {
      const result = results[index];
      const header = create('MultiHeader', typeOfKind.get(kind), false, 0);
      if (typeof result === 'string') return [header, create('CreateResponse', result)];
      if (result === undefined) return [header];
      return [header, create('SetDataResponse', statRecord(result))];
    }),
    create('MultiHeader', errorType, true, -1),
  ],
  multiFailed: (count: number, failedIndex: number, number: number): Body => [
    ...Array.from({ length: count }, (_, index) => {
      const runtimeInconsistency = -2;
      const after = index > failedIndex ? runtimeInconsistency : number;
      const err = index < failedIndex ? 0 : after;
      return [create('MultiHeader', errorType, false, err), create('ErrorResponse', err)];
    }).flat(),
    create('MultiHeader', errorType, true, -1),
  ],
};

export function encodeEvent(type: number, path: string): Buffer {
  const header = create('ReplyHeader', notificationXid, toLong(-1n), 0);
  const syncConnected = 3;
  return frameOf([header, create('WatcherEvent', type, syncConnected, path)]);
}

function create(name: string, ...fields: unknown[]): JuteRecord {
  const Type = jute.protocol[name] ?? jute.data[name];
  if (Type === undefined) throw new Error(`no record ${name}`);
  return new Type(...fields);
}

function decode(name: string, frame: Buffer, start: number): { record: JuteRecord; end: number } {
  const record = create(name);
  return { record, end: start + record.deserialize(frame, start) };
}

function frameOf(records: readonly JuteRecord[]): Buffer {
  const length = records.reduce((sum, record) => sum + record.byteLength(), 0);
  const frame = Buffer.alloc(4 + length);
  frame.writeInt32BE(length, 0);
  let offset = 4;
  for (const record of records) offset += record.serialize(frame, offset);
  return frame;
}

function statRecord(stat: FakeStat): JuteRecord {
  const { czxid, mzxid, version, cversion, ephemeralOwner, dataLength, numChildren, pzxid } = stat;
  return create(
    'Stat',
    ...[toLong(czxid), toLong(mzxid), toLong(0n), toLong(0n), version, cversion, 0],
    ...[toLong(ephemeralOwner), dataLength, numChildren, toLong(pzxid)],
  );
}

function toLong(value: bigint): Buffer {
  const long = Buffer.alloc(8);
  long.writeBigInt64BE(value);
  return long;
}

function fromLong(value: unknown): bigint {
  return (value as Buffer).readBigInt64BE();
}
