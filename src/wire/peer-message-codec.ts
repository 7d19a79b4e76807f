/**
 * PeerRequest and PeerReply of peer.proto, read and written without a generated object in
 * between. Bytes that are read are views of the message they came in: whoever keeps them copies.
 *
 * What a peer sends is checked here, so that a broken one cannot poison the storage.
 */
import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  PeerReply_Outcome,
  PeerRequest_Operation,
} from '../../generated/quorate/internal/v1/peer.ts';
import type { LinkReply, LinkRequest } from '../links/frames.ts';
import type {
  ComparedVersion,
  KeyedVersion,
  RefusalReason,
  ReplicaReply,
  ReplicaRequest,
  VersionDifference,
} from '../record/replica-messages.ts';
import type { Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { floorsBytes } from '../ring/floor-clocks.ts';
import { tokenSetBytes } from '../ring/token-set.ts';
import { bytes, fixed64, varint } from './field-tags.ts';
import { keyBytesMax } from './key-form.ts';
import {
  check,
  endOf,
  invert,
  noBytes,
  readComparedVersion,
  readDifference,
  readKeyedVersion,
  readRecord,
  versionOf,
  writeDifference,
  writeKeyedVersion,
  writeRecord,
} from './peer-record-codec.ts';

const operations = {
  'read-value': PeerRequest_Operation.READ_VALUE,
  'read-version': PeerRequest_Operation.READ_VERSION,
  'query-version': PeerRequest_Operation.QUERY_VERSION,
  store: PeerRequest_Operation.STORE,
  spread: PeerRequest_Operation.SPREAD,
  list: PeerRequest_Operation.LIST,
  copy: PeerRequest_Operation.COPY,
  'read-floors': PeerRequest_Operation.READ_FLOORS,
  'join-reclaim': PeerRequest_Operation.JOIN_RECLAIM,
  'open-reclaim': PeerRequest_Operation.OPEN_RECLAIM,
  'seal-reclaim': PeerRequest_Operation.SEAL_RECLAIM,
  'raise-reclaim': PeerRequest_Operation.RAISE_RECLAIM,
  compare: PeerRequest_Operation.COMPARE,
} as const satisfies Record<ReplicaRequest['operation'], PeerRequest_Operation>;

const operationsByNumber = invert<ReplicaRequest['operation']>(operations);

const refusals = {
  'clock-ahead': PeerReply_Outcome.CLOCK_AHEAD,
  'not-a-replica': PeerReply_Outcome.NOT_A_REPLICA,
  rebuilding: PeerReply_Outcome.REBUILDING,
  'read-only': PeerReply_Outcome.READ_ONLY,
  damaged: PeerReply_Outcome.DAMAGED,
  'below-floor': PeerReply_Outcome.BELOW_FLOOR,
  'not-now': PeerReply_Outcome.NOT_NOW,
} as const satisfies Partial<Record<RefusalReason, PeerReply_Outcome>>;

const refusalsByNumber = invert<keyof typeof refusals>(refusals);

export function writeRequest(writer: BinaryWriter, { id, timeoutMs, request }: LinkRequest): void {
  writer.fork();
  writer.uint32(varint(1)).uint32(id);
  writer.uint32(varint(2)).uint32(operations[request.operation]);
  writer.uint32(varint(3)).uint32(timeoutMs);
  if ('key' in request) writer.uint32(bytes(4)).bytes(request.key);
  if ('record' in request) writeRecord(writer.uint32(bytes(5)), request.record);
  if ('tokens' in request) writer.uint32(bytes(6)).bytes(request.tokens);
  if ('round' in request) writer.uint32(fixed64(7)).fixed64(request.round);
  if ('clock' in request) writer.uint32(fixed64(8)).fixed64(request.clock);
  if ('floors' in request) writer.uint32(bytes(9)).bytes(request.floors);
  if ('compared' in request) {
    for (const compared of request.compared) {
      writeKeyedVersion(writer.uint32(bytes(10)), compared);
    }
  }
  writer.join();
}

/** @throws QuorateError INVALID_ARGUMENT for what no node of ours would send. */
export function readRequest(reader: BinaryReader): LinkRequest {
  const end = endOf(reader);
  let id = 0;
  let timeoutMs = 0;
  const parts: RequestParts = {
    operation: undefined,
    key: noBytes,
    tokens: noBytes,
    round: 0n,
    clock: 0n,
    floors: noBytes,
    compared: noComparisons,
  };
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case varint(1):
        id = reader.uint32();
        break;
      case varint(2):
        parts.operation = operationsByNumber[reader.uint32()];
        break;
      case varint(3):
        timeoutMs = reader.uint32();
        break;
      case bytes(4):
        parts.key = reader.bytes();
        break;
      case bytes(5):
        parts.record = readRecord(reader);
        break;
      case bytes(6):
        parts.tokens = reader.bytes();
        break;
      case fixed64(7):
        parts.round = BigInt(reader.fixed64());
        break;
      case fixed64(8):
        parts.clock = BigInt(reader.fixed64());
        break;
      case bytes(9):
        parts.floors = reader.bytes();
        break;
      case bytes(10):
        if (parts.compared === noComparisons) parts.compared = [];
        parts.compared.push(readComparedVersion(reader));
        break;
      default:
        reader.skip(tag & 7, tag >>> 3);
    }
  }
  return { id, timeoutMs, request: requestOf(parts) };
}

interface RequestParts {
  operation: ReplicaRequest['operation'] | undefined;
  key: Uint8Array;
  tokens: Uint8Array;
  round: bigint;
  clock: bigint;
  floors: Uint8Array;
  compared: ComparedVersion[];
  record?: VersionedValue;
}

const noComparisons: ComparedVersion[] = [];

function requestOf(parts: RequestParts): ReplicaRequest {
  const { operation, key, tokens, round, clock, floors, compared, record } = parts;
  check(operation !== undefined, 'an unknown operation');
  switch (operation) {
    case 'read-floors':
      return { operation };
    case 'compare':
      return { operation, compared };
    case 'seal-reclaim':
    case 'raise-reclaim':
      return { operation, round };
    case 'open-reclaim':
      check(floors.length === floorsBytes, 'floors of a wrong length');
      return { operation, round, floors };
    case 'copy':
    case 'join-reclaim':
    case 'list':
      check(tokens.length === tokenSetBytes, 'tokens of a wrong length');
      if (operation === 'copy') return { operation, tokens, round };
      if (operation === 'join-reclaim') return { operation, tokens, round, clock };
      // The slice after a key begins one byte longer.
      check(key.length <= keyBytesMax + 1, 'a key of a wrong length');
      return { operation, key, tokens };
    default:
  }
  check(key.length >= 1 && key.length <= keyBytesMax, 'a key of a wrong length');
  if (operation !== 'store' && operation !== 'spread') return { operation, key };
  check(record !== undefined, 'a store without a record');
  return { operation, key, record };
}

export function writeReply(writer: BinaryWriter, { id, reply }: LinkReply): void {
  writer.fork();
  writer.uint32(varint(1)).uint32(id);
  writer.uint32(varint(2)).uint32(outcomeOf(reply));
  if (reply.outcome === 'ok') {
    if (reply.record !== undefined) writeRecord(writer.uint32(bytes(5)), reply.record);
    else if (reply.version !== undefined) {
      writer.uint32(fixed64(3)).fixed64(reply.version.clock);
      writer.uint32(bytes(4)).string(reply.version.node);
    }
  } else if (reply.outcome === 'listed') writeListed(writer, reply);
  else if (reply.outcome === 'floors') writer.uint32(bytes(8)).bytes(reply.floors);
  else if (reply.outcome === 'compared') {
    for (const difference of reply.differences) {
      writeDifference(writer.uint32(bytes(10)), difference);
    }
  }
  writer.join();
}

function writeListed(
  writer: BinaryWriter,
  { keys, damaged, next }: Extract<ReplicaReply, { outcome: 'listed' }>,
): void {
  for (const keyed of keys) writeKeyedVersion(writer.uint32(bytes(6)), keyed);
  if (next !== undefined) writer.uint32(bytes(7)).bytes(next);
  for (const key of damaged) writer.uint32(bytes(9)).bytes(key);
}

/** Reads a reply of a batch whose sender's clock showed `clockMs`. */
export function readReply(reader: BinaryReader, clockMs: number): LinkReply {
  const end = endOf(reader);
  let id = 0;
  let outcome: number = PeerReply_Outcome.UNSPECIFIED;
  let clock = 0n;
  let node = '';
  let record: VersionedValue | undefined;
  let next: Uint8Array | undefined;
  let floors: Uint8Array = noBytes;
  const keys: KeyedVersion[] = [];
  const damaged: Uint8Array[] = [];
  const differences: VersionDifference[] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case varint(1):
        id = reader.uint32();
        break;
      case varint(2):
        outcome = reader.uint32();
        break;
      case fixed64(3):
        clock = BigInt(reader.fixed64());
        break;
      case bytes(4):
        node = reader.string();
        break;
      case bytes(5):
        record = readRecord(reader);
        break;
      case bytes(6):
        keys.push(readKeyedVersion(reader));
        break;
      case bytes(7):
        next = reader.bytes();
        break;
      case bytes(8):
        floors = reader.bytes();
        break;
      case bytes(9):
        damaged.push(reader.bytes());
        break;
      case bytes(10):
        differences.push(readDifference(reader));
        break;
      default:
        reader.skip(tag & 7, tag >>> 3);
    }
  }
  if (outcome === PeerReply_Outcome.LISTED) {
    return { id, reply: { outcome: 'listed', keys, damaged, next } };
  }
  if (outcome === PeerReply_Outcome.FLOORS) {
    check(floors.length === floorsBytes, 'floors of a wrong length');
    return { id, reply: { outcome: 'floors', floors } };
  }
  if (outcome === PeerReply_Outcome.COMPARED) {
    return { id, reply: { outcome: 'compared', differences } };
  }
  const version = record?.version ?? versionOf(clock, node);
  return { id, reply: replyOf(outcome, version, record, clockMs) };
}

function replyOf(
  outcome: number,
  version: Version | undefined,
  record: VersionedValue | undefined,
  clockMs: number,
): ReplicaReply {
  if (outcome === PeerReply_Outcome.OK) return { outcome: 'ok', version, record, clockMs };
  const isDone = outcome === PeerReply_Outcome.COPIED;
  if (isDone || outcome === PeerReply_Outcome.COPYING) return { outcome: 'copying', isDone };
  const reason = refusalsByNumber[outcome];
  return reason === undefined
    ? { outcome: 'unknown', reason: 'failed' }
    : { outcome: 'refused', reason };
}

function outcomeOf(reply: ReplicaReply): number {
  if (reply.outcome === 'ok') return PeerReply_Outcome.OK;
  if (reply.outcome === 'listed') return PeerReply_Outcome.LISTED;
  if (reply.outcome === 'floors') return PeerReply_Outcome.FLOORS;
  if (reply.outcome === 'compared') return PeerReply_Outcome.COMPARED;
  if (reply.outcome === 'copying') {
    return reply.isDone ? PeerReply_Outcome.COPIED : PeerReply_Outcome.COPYING;
  }
  if (reply.outcome === 'unknown' || reply.reason === 'not-sent') return PeerReply_Outcome.FAILED;
  return refusals[reply.reason];
}
