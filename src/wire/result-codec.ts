/**
 * Results in the bytes of GetResponse, PutResponse and DeleteResponse, the latter two being the same.
 * Values of text and bytes without expiry, and versions, are written without a generated object in
 * between; the rest goes through the generated code. A test holds both ways equal.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { GetResponse, PutResponse } from '../../generated/quorate/v1/key_value.ts';
import { clockToMs, formatVersion, type Version } from '../record/version.ts';
import { encodeMessage } from './encode-message.ts';
import { bytes, varint } from './field-tags.ts';
import {
  type DomainReadResult,
  type DomainWriteResult,
  readResultToWire,
  writeResultToWire,
} from './request-form.ts';

export function encodeRead(result: DomainReadResult): Buffer {
  return encodeMessage((writer) => writeRead(writer, result));
}

export function encodeWrite(result: DomainWriteResult): Buffer {
  return encodeMessage((writer) => writeWrite(writer, result));
}

export function writeRead(writer: BinaryWriter, result: DomainReadResult): void {
  const { record, expireTimeMs, explanation } = result;
  const value = record?.value;
  if (value?.kind === 'json' || expireTimeMs !== undefined || explanation !== undefined) {
    GetResponse.encode(readResultToWire(result), writer);
    return;
  }
  writer.uint32(varint(1)).bool(value !== undefined);
  if (value !== undefined) writer.uint32(bytes(value.kind === 'text' ? 2 : 3)).bytes(value.bytes);
  if (record !== undefined) writeVersion(writer, record.version, bytes(5), bytes(6));
}

export function writeWrite(writer: BinaryWriter, result: DomainWriteResult): void {
  if (result.explanation !== undefined) PutResponse.encode(writeResultToWire(result), writer);
  else writeVersion(writer, result.version, bytes(1), bytes(2));
}

function writeVersion(
  writer: BinaryWriter,
  version: Version,
  versionTag: number,
  timeTag: number,
): void {
  writer.uint32(versionTag).string(formatVersion(version));
  const ms = clockToMs(version.clock);
  const seconds = Math.floor(ms / 1_000);
  const nanos = (ms % 1_000) * 1_000_000;
  writer.uint32(timeTag).fork();
  if (seconds !== 0) writer.uint32(varint(1)).int64(seconds);
  if (nanos !== 0) writer.uint32(varint(2)).int32(nanos);
  writer.join();
}
