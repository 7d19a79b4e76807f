import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { asBuffer } from '../base/bytes.ts';

/**
 * Writes one message. The memory that the writer has grown to serves the next message too: a new one
 * begins with 128 bytes and grows to a large value by way of as many buffers as it takes, all of them
 * cleared first, copied, and left to the garbage collector.
 *
 * @param write may write other messages meanwhile.
 * @returns bytes that the caller owns.
 */
export function encodeMessage(write: (writer: BinaryWriter) => void): Buffer {
  const writer = spare ?? new BinaryWriter();
  // Left out while it is in use, and for good if `write` throws: then it is half full.
  spare = undefined;
  write(writer);
  const message = asBuffer(writer.finish());
  if (message.length <= keptBytesMax) spare = writer;
  return message;
}

let spare: BinaryWriter | undefined;

/** A writer that has grown further is not kept; it has at most twice as much memory. */
const keptBytesMax = 1024 * 1024 + 1024;
