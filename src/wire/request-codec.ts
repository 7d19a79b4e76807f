/**
 * Requests of KeyValueService out of the bytes of GetRequest, PutRequest and DeleteRequest. What all
 * speed depends on, keys and values of text or bytes, is read as views of the message; the rest goes
 * through the generated code, which also decides how a wrong request is refused. A test holds both
 * ways equal.
 */
import { isUtf8 } from 'node:buffer';
import type { BinaryReader } from '@bufbuild/protobuf/wire';
import { DeleteRequest, GetRequest, PutRequest } from '../../generated/quorate/v1/key_value.ts';
import type { Value } from '../record/versioned-value.ts';
import { bytes, varint } from './field-tags.ts';
import { isKeyLength } from './key-form.ts';
import { levelFromWire } from './level-form.ts';
import { type DomainRequest, deleteFromWire, getFromWire, putFromWire } from './request-form.ts';
import { decodeStrictly, strictReader } from './strict-text.ts';
import { valueBytesMax } from './value-form.ts';

export type RequestKind = DomainRequest['kind'];

/** The field of the level in each kind of request. */
export const levelFields = { get: 4, put: 7, delete: 4 } as const;

/**
 * A request out of its bytes.
 *
 * @throws QuorateError INVALID_ARGUMENT, INVALID_KEY, INVALID_VALUE, INVALID_TTL,
 * INVALID_CONSISTENCY naming the field.
 */
export function decodeRequest(kind: RequestKind, body: Buffer): DomainRequest {
  return decodeRequestIn(kind, strictReader(body), body, { start: 0, stop: body.length });
}

/** A request that is a part of a message, which the reader may stand anywhere in. */
export function decodeRequestIn(
  kind: RequestKind,
  reader: BinaryReader,
  message: Buffer,
  part: { readonly start: number; readonly stop: number },
): DomainRequest {
  const next = reader.pos;
  reader.pos = part.start;
  const plain = readPlain(kind, reader, part.stop);
  reader.pos = next;
  return plain ?? readAny(kind, message.subarray(part.start, part.stop));
}

function readAny(kind: RequestKind, body: Buffer): DomainRequest {
  if (kind === 'get') return getFromWire(decodeStrictly(GetRequest.decode, body));
  if (kind === 'put') return putFromWire(decodeStrictly(PutRequest.decode, body));
  return deleteFromWire(decodeStrictly(DeleteRequest.decode, body));
}

interface PlainParts {
  key: Uint8Array | undefined;
  value: Value | undefined;
  level: number;
}

/** A request in the plainest of forms; `undefined` for all others, and for what may be wrong. */
function readPlain(
  kind: RequestKind,
  reader: BinaryReader,
  stop: number,
): DomainRequest | undefined {
  const levelTag = varint(levelFields[kind]);
  const parts: PlainParts = { key: undefined, value: undefined, level: 0 };
  try {
    while (reader.pos < stop) {
      const tag = reader.uint32();
      if (tag === levelTag) parts.level = reader.uint32();
      else if (!readKey(tag, reader, parts) && !(kind === 'put' && readValue(tag, reader, parts))) {
        return undefined;
      }
    }
    return reader.pos === stop ? plainRequest(kind, parts) : undefined;
  } catch {
    // The generated code says what is wrong with it.
    return undefined;
  }
}

function readKey(tag: number, reader: BinaryReader, parts: PlainParts): boolean {
  if (tag === varint(1)) parts.key = Uint8Array.of(keyNumber(reader.uint32()));
  else if (tag === bytes(2)) parts.key = textBytes(reader);
  else if (tag === bytes(3)) parts.key = reader.bytes();
  else return false;
  return true;
}

function readValue(tag: number, reader: BinaryReader, parts: PlainParts): boolean {
  if (tag === bytes(4)) parts.value = { kind: 'text', bytes: textBytes(reader) };
  else if (tag === bytes(5)) parts.value = { kind: 'bytes', bytes: reader.bytes() };
  else return false;
  return true;
}

function keyNumber(number: number): number {
  if (number > 0xff) throw new Error('not plain');
  return number;
}

function textBytes(reader: BinaryReader): Uint8Array {
  const part = reader.bytes();
  if (!isUtf8(part)) throw new Error('not plain');
  return part;
}

function plainRequest(
  kind: RequestKind,
  { key, value, level }: PlainParts,
): DomainRequest | undefined {
  if (key === undefined || !isKeyLength(key.length)) return undefined;
  const base = { key, level: levelFromWire(level), isExplained: false };
  if (kind !== 'put') return { kind, ...base };
  if (value === undefined || value.bytes.length > valueBytesMax) return undefined;
  return { kind, ...base, value, ttlMs: undefined };
}
