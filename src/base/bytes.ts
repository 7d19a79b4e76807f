/**
 * Byte strings: comparing them and turning them into text and back. Bytes are compared as bytes
 * everywhere, because that order is the order of the ring and of scans.
 */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The same bytes as a Buffer, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Encodes text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8, or gives `undefined` if the bytes are not valid UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Compares byte by byte, shorter first: negative, 0 or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

/** The smallest key that is greater. */
export function keyAfter(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Uint8Array.of(0)]);
}

/**
 * One character for each byte, so that bytes can be the key of a Map. The order of such texts is
 * the order of their bytes.
 */
export function bytesToMapKey(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}

/** The bytes of a text made by {@link bytesToMapKey}. */
export function mapKeyToBytes(mapKey: string): Uint8Array {
  return Buffer.from(mapKey, 'latin1');
}

/** Formats bytes as lower-case hexadecimal digits. */
export function formatHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/** Parses hexadecimal digits of either case, or gives `undefined` if the text is anything else. */
export function parseHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return Buffer.from(text, 'hex');
}
