/**
 * PeerRequest and PeerReply of peer.proto, read and written without a generated object in
 * between. Bytes that are read are views of the message they came in: whoever keeps them copies.
 *
 * What a peer sends is checked here, so that a broken one cannot poison the storage.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  PeerReply_Outcome,
  PeerRequest_Operation,
} from '../../generated/quorate/internal/v1/peer.ts';
import type { LinkReply, LinkRequest } from '../links/frames.ts';
import {
  type ComparedVersion,
  type KeyedVersion,
  type RefusalReason,
  type ReplicaReply,
  type ReplicaRequest,
  refused,
  type VersionDifference,
} from '../record/replica-messages.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { floorsBytes } from '../ring/floor-clocks.ts';
import { tokenSetBytes } from '../ring/token-set.ts';
import { bytes, fixed64, varint } from './field-tags.ts';
import { keyBytesMax } from './key-form.ts';
import type { PeerReader } from './peer-reader.ts';
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
  'query-clock': PeerRequest_Operation.QUERY_CLOCK,
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
export function readRequest(reader: PeerReader): LinkRequest {
  const end = endOf(reader);
  let id = 0;
  let timeoutMs = 0;
  let operation: ReplicaRequest['operation'] | undefined;
  let key: Uint8Array = noBytes;
  let record: VersionedValue | undefined;
  let rare: RareParts | undefined;
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case varint(1):
        id = reader.uint32();
        break;
      case varint(2):
        operation = operationsByNumber[reader.uint32()];
        break;
      case varint(3):
        timeoutMs = reader.uint32();
        break;
      case bytes(4):
        key = reader.bytes();
        break;
      case bytes(5):
        record = readRecord(reader);
        break;
      default:
        rare ??= noRareParts();
        readRarePart(tag, reader, rare);
    }
  }
  return { id, timeoutMs, request: requestOf(operation, key, record, rare) };
}

/** What the requests of clients do without. */
interface RareParts {
  tokens: Uint8Array;
  round: bigint;
  clock: bigint;
  floors: Uint8Array;
  readonly compared: ComparedVersion[];
}

function noRareParts(): RareParts {
  return { tokens: noBytes, round: 0n, clock: 0n, floors: noBytes, compared: [] };
}

function readRarePart(tag: number, reader: PeerReader, rare: RareParts): void {
  if (tag === bytes(6)) rare.tokens = reader.bytes();
  else if (tag === fixed64(7)) rare.round = BigInt(reader.fixed64());
  else if (tag === fixed64(8)) rare.clock = BigInt(reader.fixed64());
  else if (tag === bytes(9)) rare.floors = reader.bytes();
  else if (tag === bytes(10)) rare.compared.push(readComparedVersion(reader));
  else reader.skip(tag & 7, tag >>> 3);
}

function requestOf(
  operation: ReplicaRequest['operation'] | undefined,
  key: Uint8Array,
  record: VersionedValue | undefined,
  rare: RareParts | undefined,
): ReplicaRequest {
  check(operation !== undefined, 'an unknown operation');
  switch (operation) {
    case 'query-version':
    case 'read-version':
    case 'read-value':
    case 'store':
    case 'spread':
      check(key.length >= 1 && key.length <= keyBytesMax, 'a key of a wrong length');
      if (operation !== 'store' && operation !== 'spread') return { operation, key };
      check(record !== undefined, 'a store without a record');
      return { operation, key, record };
    default:
      return rareRequestOf(operation, key, rare ?? noRareParts());
  }
}

function rareRequestOf(
  operation: Exclude<ReplicaRequest['operation'], CallOperation>,
  key: Uint8Array,
  { tokens, round, clock, floors, compared }: RareParts,
): ReplicaRequest {
  switch (operation) {
    case 'read-floors':
    case 'query-clock':
      return { operation };
    case 'compare':
      return { operation, compared };
    case 'seal-reclaim':
    case 'raise-reclaim':
      return { operation, round };
    case 'open-reclaim':
      check(floors.length === floorsBytes, 'floors of a wrong length');
      return { operation, round, floors };
    default:
  }
  check(tokens.length === tokenSetBytes, 'tokens of a wrong length');
  if (operation === 'copy') return { operation, tokens, round };
  if (operation === 'join-reclaim') return { operation, tokens, round, clock };
  // The slice after a key begins one byte longer.
  check(key.length <= keyBytesMax + 1, 'a key of a wrong length');
  return { operation, key, tokens };
}

type CallOperation = 'query-version' | 'read-version' | 'read-value' | 'store' | 'spread';

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
export function readReply(reader: PeerReader, clockMs: number): LinkReply {
  const end = endOf(reader);
  let id = 0;
  let outcome: number = PeerReply_Outcome.UNSPECIFIED;
  let clock = 0n;
  let node = '';
  let record: VersionedValue | undefined;
  let rare: RareReply | undefined;
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
        node = reader.nodeName();
        break;
      case bytes(5):
        record = readRecord(reader);
        break;
      default:
        rare ??= noRareReply();
        readRareReplyPart(tag, reader, rare);
    }
  }
  const version = record?.version ?? versionOf(clock, node);
  if (outcome === PeerReply_Outcome.OK) {
    return { id, reply: { outcome: 'ok', version, record, clockMs } };
  }
  return { id, reply: rareReplyOf(outcome, rare ?? noRareReply()) };
}

/** What the answers to requests of clients do without. */
interface RareReply {
  next: Uint8Array | undefined;
  floors: Uint8Array;
  readonly keys: KeyedVersion[];
  readonly damaged: Uint8Array[];
  readonly differences: VersionDifference[];
}

function noRareReply(): RareReply {
  return { next: undefined, floors: noBytes, keys: [], damaged: [], differences: [] };
}

function readRareReplyPart(tag: number, reader: PeerReader, rare: RareReply): void {
  if (tag === bytes(6)) rare.keys.push(readKeyedVersion(reader));
  else if (tag === bytes(7)) rare.next = reader.bytes();
  else if (tag === bytes(8)) rare.floors = reader.bytes();
  else if (tag === bytes(9)) rare.damaged.push(reader.bytes());
  else if (tag === bytes(10)) rare.differences.push(readDifference(reader));
  else reader.skip(tag & 7, tag >>> 3);
}

function rareReplyOf(outcome: number, rare: RareReply): ReplicaReply {
  const { keys, damaged, next, floors, differences } = rare;
  switch (outcome) {
    case PeerReply_Outcome.LISTED:
      return { outcome: 'listed', keys, damaged, next };
    case PeerReply_Outcome.FLOORS:
      check(floors.length === floorsBytes, 'floors of a wrong length');
      return { outcome: 'floors', floors };
    case PeerReply_Outcome.COMPARED:
      return { outcome: 'compared', differences };
    case PeerReply_Outcome.COPIED:
    case PeerReply_Outcome.COPYING:
      return { outcome: 'copying', isDone: outcome === PeerReply_Outcome.COPIED };
    default: {
      const reason = refusalsByNumber[outcome];
      return reason === undefined ? { outcome: 'unknown', reason: 'failed' } : refused(reason);
    }
  }
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
