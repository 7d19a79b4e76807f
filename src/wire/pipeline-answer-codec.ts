/**
 * The answers of a pipeline, to and from the bytes of PipelineResponse. Values of text and bytes
 * without expiry are read without a generated object in between. A test holds both ways equal.
 */
import { BinaryReader, type BinaryWriter } from '@bufbuild/protobuf/wire';
import { GetResponse, PutResponse } from '../../generated/quorate/v1/key_value.ts';
import type { QuorateError } from '../base/quorate-error.ts';
import { encodeMessage } from './encode-message.ts';
import { errorFromStatus, errorToWire } from './error-status.ts';
import { bytes, varint } from './field-tags.ts';
import type { DomainReadResult, DomainWriteResult } from './request-form.ts';
import { writeRead, writeWrite } from './result-codec.ts';
import { type PlainValue, plainFromWire } from './value-form.ts';

const answerTag = bytes(1);
const idTag = varint(1);
const getTag = bytes(2);
const putTag = bytes(3);
const deleteTag = bytes(4);
const errorTag = bytes(5);

/** One answer of a node. */
export type PipelineAnswer =
  | { readonly id: number; readonly kind: 'get'; readonly result: DomainReadResult }
  | { readonly id: number; readonly kind: 'put' | 'delete'; readonly result: DomainWriteResult }
  | { readonly id: number; readonly kind: 'error'; readonly error: QuorateError };

/** Roughly how many bytes an answer takes in a message. */
export function answerBytes(answer: PipelineAnswer): number {
  if (answer.kind === 'error') return errorBytes;
  const overhead = answer.result.explanation === undefined ? overheadBytes : explainedBytes;
  const value = answer.kind === 'get' ? answer.result.record?.value : undefined;
  if (value === undefined) return overhead;
  return overhead + value.bytes.length * (value.kind === 'json' ? jsonGrowth : 1);
}

/** How much longer JSON may be as protobuf's Value than as text: `1,` becomes 13 bytes. */
const jsonGrowth = 7;

const overheadBytes = 64;
const explainedBytes = 1_024;
const errorBytes = 512;

export function encodeAnswers(answers: readonly PipelineAnswer[]): Buffer {
  return encodeMessage((writer) => {
    for (const answer of answers) writeAnswer(writer, answer);
  });
}

function writeAnswer(writer: BinaryWriter, answer: PipelineAnswer): void {
  writer.uint32(answerTag).fork();
  writer.uint32(idTag).uint32(answer.id);
  if (answer.kind === 'get') writeRead(writer.uint32(getTag).fork(), answer.result);
  else if (answer.kind === 'error') {
    writer.uint32(errorTag).fork().raw(errorToWire(answer.error).details);
  } else {
    writer.uint32(answer.kind === 'put' ? putTag : deleteTag).fork();
    writeWrite(writer, answer.result);
  }
  writer.join().join();
}

const kindsByTag: Readonly<Record<number, 'read' | 'written' | 'error'>> = {
  [getTag]: 'read',
  [putTag]: 'written',
  [deleteTag]: 'written',
  [errorTag]: 'error',
};

/** Takes the answers of one message out of it: its properties tell of the one it is at. */
export class PipelineAnswerReader {
  /** The call that is answered. */
  id = 0;
  kind: 'read' | 'written' | 'error' = 'error';
  readonly #reader: BinaryReader;
  readonly #message: Buffer;
  #start = 0;
  #stop = 0;

  constructor(message: Buffer) {
    this.#reader = new BinaryReader(message);
    this.#message = message;
  }

  /** Goes to the next answer. @returns whether there is one. @throws Error if the message is none. */
  next(): boolean {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === answerTag) {
        this.#read(reader);
        return true;
      }
      reader.skip(tag & 7, tag >>> 3);
    }
    return false;
  }

  /** Of a read: the value and nothing else, `undefined` if the key is absent. */
  value(): PlainValue | undefined {
    const reader = this.#reader;
    const next = reader.pos;
    reader.pos = this.#start;
    try {
      while (reader.pos < this.#stop) {
        const tag = reader.uint32();
        if (tag === bytes(2)) {
          const length = reader.uint32();
          const text = this.#message.toString('utf8', reader.pos, reader.pos + length);
          return { kind: 'text', text };
        }
        // A copy, since the message would stay in memory with it.
        if (tag === bytes(3)) return { kind: 'bytes', bytes: Buffer.from(reader.bytes()) };
        if (tag === bytes(4)) return plainFromWire(this.read().valueForm);
        reader.skip(tag & 7, tag >>> 3);
      }
      return undefined;
    } finally {
      reader.pos = next;
    }
  }

  /** Of a read: all of it. */
  read(): GetResponse {
    return GetResponse.decode(this.#body());
  }

  /** Of a write; those of puts and deletes are the same. */
  written(): PutResponse {
    return PutResponse.decode(this.#body());
  }

  /** Of a call that failed. @param isWrite whether it may have changed something. */
  error(isWrite: boolean): QuorateError {
    return errorFromStatus(this.#body(), isWrite);
  }

  #body(): Buffer {
    return this.#message.subarray(this.#start, this.#stop);
  }

  #read(reader: BinaryReader): void {
    const end = reader.uint32() + reader.pos;
    this.id = 0;
    this.kind = 'error';
    this.#stop = this.#start = reader.pos;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag === idTag) this.id = reader.uint32();
      else if (kindsByTag[tag] !== undefined) {
        this.kind = kindsByTag[tag];
        const length = reader.uint32();
        this.#start = reader.pos;
        this.#stop = reader.pos + length;
        reader.pos = this.#stop;
      } else reader.skip(tag & 7, tag >>> 3);
    }
    if (reader.pos !== end || end > reader.len)
      throw new Error('an answer ends outside its message');
  }
}
