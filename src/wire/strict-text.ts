import { BinaryReader } from '@bufbuild/protobuf/wire';
import { decodeText } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';

/**
 * A reader for which bytes that are not UTF-8 in a text field make the message malformed. The
 * default replaces them, and then different keys become one key and values change on their way.
 */
export function strictReader(bytes: Buffer): BinaryReader {
  return new BinaryReader(bytes, (part) => {
    const text = decodeText(part);
    if (text !== undefined) return text;
    throw new QuorateError('INVALID_ARGUMENT', {}, 'a text field is not UTF-8');
  });
}

/** Generated code that decodes a message. */
export type StrictDecoder<Message> = (reader: BinaryReader) => Message;

/**
 * Decodes a message with generated code.
 *
 * @throws QuorateError INVALID_ARGUMENT for bytes that are none.
 */
export function decodeStrictly<Message>(decoder: StrictDecoder<Message>, bytes: Buffer): Message {
  try {
    return decoder(strictReader(bytes));
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuorateError('INVALID_ARGUMENT', { mayHaveApplied: false, reason });
  }
}
