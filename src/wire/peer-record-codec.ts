/**
 * The parts of the messages between nodes: Record, KeyedVersion and VersionDifference of peer.proto.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Record_Kind } from '../../generated/quorate/internal/v1/peer.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type {
  ComparedVersion,
  KeyedVersion,
  VersionDifference,
} from '../record/replica-messages.ts';
import type { Version } from '../record/version.ts';
import {
  expiringValue,
  type Value,
  type ValueKind,
  type VersionedValue,
} from '../record/versioned-value.ts';
import { bytes, fixed64, varint } from './field-tags.ts';
import { keyBytesMax } from './key-form.ts';
import type { PeerReader } from './peer-reader.ts';
import { valueBytesMax } from './value-form.ts';

const kinds = {
  text: Record_Kind.TEXT,
  bytes: Record_Kind.BYTES,
  json: Record_Kind.JSON,
} as const satisfies Record<ValueKind, Record_Kind>;

const kindsByNumber = invert<ValueKind>(kinds);

export function writeRecord(writer: BinaryWriter, { version, value }: VersionedValue): void {
  writer.fork();
  writer.uint32(fixed64(1)).fixed64(version.clock);
  writer.uint32(bytes(2)).string(version.node);
  writer.uint32(varint(3)).uint32(value === undefined ? Record_Kind.TOMBSTONE : kinds[value.kind]);
  if (value !== undefined && value.bytes.length > 0) writer.uint32(bytes(4)).bytes(value.bytes);
  if (value?.expireTimeMs !== undefined) {
    writer.uint32(fixed64(5)).fixed64(BigInt(value.expireTimeMs));
  }
  writer.join();
}

export function readRecord(reader: PeerReader): VersionedValue {
  const end = endOf(reader);
  let clock = 0n;
  let node = '';
  let kind = 0;
  let value: Uint8Array = noBytes;
  let expireTimeMs = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === fixed64(1)) clock = BigInt(reader.fixed64());
    else if (tag === bytes(2)) node = reader.nodeName();
    else if (tag === varint(3)) kind = reader.uint32();
    else if (tag === bytes(4)) value = reader.bytes();
    else if (tag === fixed64(5)) expireTimeMs = Number(reader.fixed64());
    else reader.skip(tag & 7, tag >>> 3);
  }
  check(node !== '' && node.length <= nodeNameLengthMax, 'a version without a node');
  check(value.length <= valueBytesMax, 'a value that is too long');
  check(expireTimeMs <= Number.MAX_SAFE_INTEGER, 'a time of expiry that is no time');
  return { version: { clock, node }, value: storedValue(kind, value, expireTimeMs) };
}

/** Writes a key and its version, if it has one. */
export function writeKeyedVersion(writer: BinaryWriter, { key, version }: ComparedVersion): void {
  writer.fork();
  writer.uint32(bytes(1)).bytes(key);
  writeVersion(writer, version);
  writer.join();
}

/** Reads a key and its version, if it has one. */
export function readComparedVersion(reader: PeerReader): ComparedVersion {
  const end = endOf(reader);
  let key: Uint8Array = noBytes;
  let clock = 0n;
  let node = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === bytes(1)) key = reader.bytes();
    else if (tag === fixed64(2)) clock = BigInt(reader.fixed64());
    else if (tag === bytes(3)) node = reader.nodeName();
    else reader.skip(tag & 7, tag >>> 3);
  }
  check(key.length >= 1 && key.length <= keyBytesMax, 'a key of a wrong length');
  return { key, version: versionOf(clock, node) };
}

export function readKeyedVersion(reader: PeerReader): KeyedVersion {
  const { key, version } = readComparedVersion(reader);
  check(version !== undefined, 'a version without a node');
  return { key, version };
}

export function writeDifference(writer: BinaryWriter, difference: VersionDifference): void {
  writer.fork();
  writer.uint32(varint(1)).uint32(difference.index);
  writeVersion(writer, difference.version);
  writer.join();
}

export function readDifference(reader: PeerReader): VersionDifference {
  const end = endOf(reader);
  let index = 0;
  let clock = 0n;
  let node = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === varint(1)) index = reader.uint32();
    else if (tag === fixed64(2)) clock = BigInt(reader.fixed64());
    else if (tag === bytes(3)) node = reader.nodeName();
    else reader.skip(tag & 7, tag >>> 3);
  }
  return { index, version: versionOf(clock, node) };
}

function writeVersion(writer: BinaryWriter, version: Version | undefined): void {
  if (version === undefined) return;
  writer.uint32(fixed64(2)).fixed64(version.clock);
  writer.uint32(bytes(3)).string(version.node);
}

function storedValue(kind: number, value: Uint8Array, expireTimeMs: number): Value | undefined {
  if (kind === Record_Kind.TOMBSTONE) return undefined;
  const known = kindsByNumber[kind];
  check(known !== undefined, 'a record of an unknown kind');
  return expiringValue(
    { kind: known, bytes: value },
    expireTimeMs === 0 ? undefined : expireTimeMs,
  );
}

/** The longest node name, by the contract. */
const nodeNameLengthMax = 63;

export const noBytes = new Uint8Array();

/** The version of a clock and a node that were read; none without a node. */
export function versionOf(clock: bigint, node: string): Version | undefined {
  check(node.length <= nodeNameLengthMax, 'a version of a node with a long name');
  return node === '' ? undefined : { clock, node };
}

/** Where the message ends that begins here. */
export function endOf(reader: PeerReader): number {
  const length = reader.uint32();
  check(reader.pos + length <= reader.len, 'a message that ends early');
  return reader.pos + length;
}

/** @throws QuorateError INVALID_ARGUMENT if a peer sent what no node of ours would send. */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new QuorateError('INVALID_ARGUMENT', {}, `a peer sent ${what}`);
}

/** The names that numbers stand for. */
export function invert<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
): readonly (Name | undefined)[] {
  const names: (Name | undefined)[] = [];
  for (const name of Object.keys(numbers) as Name[]) names[numbers[name]] = name;
  return names;
}
