/**
 * The calls of a pipeline, to and from the bytes of PipelineRequest. Keys and values of text or bytes
 * are written straight from what the caller gave, the rest through the generated code. A test holds
 * both ways equal.
 */
import { type BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Duration } from '../../generated/google/protobuf/duration.ts';
import { Value as JsonValue } from '../../generated/google/protobuf/struct.ts';
import { asBuffer, encodeText } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import { bytes, varint } from './field-tags.ts';
import { type KeySpelling, keyBytesMax, keyFromWire, spellingToWire } from './key-form.ts';
import { levelToWire } from './level-form.ts';
import { decodeRequestIn, levelFields, type RequestKind } from './request-codec.ts';
import type { DomainRequest } from './request-form.ts';
import { strictReader } from './strict-text.ts';
import { checkValueLength, type PlainValue, plainToWire, valueBytesMax } from './value-form.ts';
import { durationToWire } from './version-form.ts';

const callTag = bytes(1);
const kinds = [undefined, undefined, 'get', 'put', 'delete'] as const;
const kindTags = { get: bytes(2), put: bytes(3), delete: bytes(4) } as const;

/** One call as it came. */
export interface PipelineCall {
  readonly id: number;
  /** How long its caller waits; 0 if the call does not say. */
  readonly timeoutMs: number;
  /** How many bytes the call takes in its message. */
  readonly bytes: number;
  /** What it asks for. @throws QuorateError as the unary call of its kind would. */
  request(): DomainRequest;
}

/** Takes the calls of one message out of it, one after the other. */
export class PipelineCallReader {
  readonly #reader: BinaryReader;
  readonly #message: Buffer;

  constructor(message: Buffer) {
    this.#reader = strictReader(message);
    this.#message = message;
  }

  /** The next call; `undefined` after the last. @throws Error if the message is none. */
  next(): PipelineCall | undefined {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === callTag) return this.#call(reader);
      reader.skip(tag & 7, tag >>> 3);
    }
    return undefined;
  }

  #call(reader: BinaryReader): PipelineCall {
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw malformed();
    const begin = reader.pos;
    let id = 0;
    let timeoutMs = 0;
    let kind: RequestKind | undefined;
    let start = 0;
    let stop = 0;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const known = (tag & 7) === 2 ? kinds[tag >>> 3] : undefined;
      if (tag === varint(1)) id = reader.uint32();
      else if (tag === varint(5)) timeoutMs = reader.uint32();
      else if (known !== undefined) {
        kind = known;
        const length = reader.uint32();
        start = reader.pos;
        stop = start + length;
        reader.pos = stop;
      } else reader.skip(tag & 7, tag >>> 3);
    }
    if (reader.pos !== end) throw malformed();
    const request = () => this.#request(kind, start, stop);
    return { id, timeoutMs, bytes: end - begin, request };
  }

  #request(kind: RequestKind | undefined, start: number, stop: number): DomainRequest {
    if (kind === undefined) {
      const details = { field: 'request', mayHaveApplied: false };
      const message = 'no request: set one of get, put and delete';
      throw new QuorateError('INVALID_ARGUMENT', details, message);
    }
    return decodeRequestIn(kind, this.#reader, this.#message, { start, stop });
  }
}

function malformed(): Error {
  return new Error('a call that is not as it should be');
}

/** A value that can be sent: measured, and JSON encoded. */
export type OutgoingValue =
  | { readonly field: 4; readonly text: string }
  | { readonly field: 5 | 6; readonly encoded: Uint8Array };

/** A call as a client makes it, checked. */
export interface OutgoingCall {
  readonly kind: RequestKind;
  readonly key: KeySpelling;
  /** Of a put. */
  readonly value: OutgoingValue | undefined;
  readonly ttlMs: number | undefined;
  readonly level: ConsistencyLevel;
  readonly isExplained: boolean;
}

/**
 * Checks a value before it gets into a message with those of others.
 *
 * @throws QuorateError INVALID_VALUE
 */
export function outgoingValue(value: PlainValue): OutgoingValue {
  const form = plainToWire(value);
  switch (form.$case) {
    case 'value':
      // A character takes three bytes at most.
      if (form.value.length * 3 > valueBytesMax) checkValueLength('value', encodeText(form.value));
      return { field: 4, text: form.value };
    case 'rawValue':
      return { field: 5, encoded: checkValueLength('raw_value', form.value) };
    case 'json':
      checkValueLength('json', encodeText(JSON.stringify(form.value) ?? ''));
      return { field: 6, encoded: encodeJson(form.value) };
  }
}

/** JSON takes up to seven times its bytes on the way, and one message must have room for it. */
function encodeJson(json: unknown): Uint8Array {
  const encoded = JsonValue.encode(JsonValue.wrap(json)).finish();
  if (encoded.length <= encodedJsonBytesMax) return encoded;
  const message = `json takes ${encoded.length} bytes on the way, it may take ${encodedJsonBytesMax} at most: store it as text`;
  throw new QuorateError('INVALID_VALUE', { field: 'json', mayHaveApplied: false }, message);
}

const encodedJsonBytesMax = 3.5 * 1024 * 1024;

/** The value again, as a plain call takes it. */
export function outgoingToPlain(value: OutgoingValue): PlainValue {
  if ('text' in value) return { kind: 'text', text: value.text };
  if (value.field === 5) return { kind: 'bytes', bytes: value.encoded };
  return { kind: 'json', json: JsonValue.unwrap(JsonValue.decode(value.encoded)) };
}

/**
 * Checks a key before it gets into a message with those of others.
 *
 * @throws QuorateError INVALID_KEY
 */
export function outgoingKey<Key extends KeySpelling>(key: Key): Key {
  if (typeof key === 'number') {
    if (Number.isInteger(key) && key >= 0 && key <= 0xff) return key;
    const message = `key is ${key}, it must be a whole number from 0 to 255`;
    throw new QuorateError('INVALID_KEY', { field: 'key', mayHaveApplied: false }, message);
  }
  // A character takes three bytes at most.
  const bytesMax = typeof key === 'string' ? key.length * 3 : key.length;
  if (bytesMax === 0 || bytesMax > keyBytesMax) keyFromWire(spellingToWire(key));
  return key;
}

/** Roughly how many bytes a call takes in a message. */
function callBytes({ key, value }: OutgoingCall): number {
  const keyBytes = typeof key === 'number' ? 1 : key.length;
  if (value === undefined) return keyBytes + overheadBytes;
  const valueBytes = 'text' in value ? value.text.length : value.encoded.length;
  return keyBytes + valueBytes + overheadBytes;
}

const overheadBytes = 32;

/** Puts calls together into messages. */
export class PipelineMessageWriter {
  readonly #writer = new BinaryWriter();
  #bytes = 0;

  /** Roughly how many bytes the message has so far. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: number, call: OutgoingCall, timeoutMs: number): void {
    writeCall(this.#writer, id, call, timeoutMs);
    this.#bytes += callBytes(call);
  }

  /** The message; the next call begins another. */
  finish(): Buffer {
    this.#bytes = 0;
    return asBuffer(this.#writer.finish());
  }
}

/** Writes one call into a PipelineRequest. */
export function writeCall(
  writer: BinaryWriter,
  id: number,
  call: OutgoingCall,
  timeoutMs: number,
): void {
  const { kind, key, value, level } = call;
  writer.uint32(callTag).fork();
  writer.uint32(varint(1)).uint32(id);
  writer.uint32(kindTags[kind]).fork();
  if (typeof key === 'string') writer.uint32(bytes(2)).string(key);
  else if (typeof key === 'number') writer.uint32(varint(1)).uint32(key);
  else writer.uint32(bytes(3)).bytes(key);
  if (value !== undefined) {
    if ('text' in value) writer.uint32(bytes(4)).string(value.text);
    else writer.uint32(bytes(value.field)).bytes(value.encoded);
  }
  writer.uint32(varint(levelFields[kind])).uint32(levelToWire(level));
  if (call.ttlMs !== undefined) {
    Duration.encode(durationToWire(call.ttlMs), writer.uint32(bytes(8)).fork()).join();
  }
  if (call.isExplained) writer.uint32(varint(explainFields[kind])).bool(true);
  writer.join();
  writer.uint32(varint(5)).uint32(timeoutMs);
  writer.join();
}

/** The field of the wish for an explanation in each kind of request. */
const explainFields = { get: 5, put: 10, delete: 6 } as const;
