import { decodeText, encodeText, formatHex, parseHex } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';

/**
 * How people write keys on the command line and in the console: a bare integer 0 to 255 is the
 * number key, anything else is text; `text:63` and `hex:00ff` say which. What is formatted here
 * reads back as the same key.
 */

/** A number 0 to 255, text, or bytes. */
export type KeySpelling = number | string | Uint8Array;

const textPrefix = 'text:';
const hexPrefix = 'hex:';
const numberPattern = /^(0|[1-9]\d{0,2})$/;

/**
 * Reads a key as people write it.
 *
 * @throws QuorateError CONFIGURATION if it is empty or not hexadecimal after `hex:`.
 */
export function parseKey(spelling: string): KeySpelling {
  if (spelling.startsWith(textPrefix)) {
    return checkText(spelling.slice(textPrefix.length));
  }
  if (spelling.startsWith(hexPrefix)) {
    const bytes = parseHex(spelling.slice(hexPrefix.length));
    if (bytes !== undefined && bytes.length > 0) return bytes;
    throw refused(
      `"${spelling}" is not hexadecimal: write pairs of 0-9 a-f after hex:, or text:${spelling} for text`,
    );
  }
  const number = numberPattern.test(spelling) ? Number(spelling) : undefined;
  if (number !== undefined && number <= 255) return number;
  return checkText(spelling);
}

/** Writes a key so that {@link parseKey} reads the same key. */
export function formatKey(key: KeySpelling): string {
  if (typeof key === 'number') return String(key);
  if (typeof key !== 'string') return formatBytes(key);
  if (!isPrintable(key)) return `${hexPrefix}${formatHex(encodeText(key))}`;
  return parsesAsItself(key) ? key : `${textPrefix}${key}`;
}

function formatBytes(bytes: Uint8Array): string {
  const text = decodeText(bytes);
  // A single byte is a number key; other text is shown as text, as the server does.
  if (bytes.length === 1) return String(bytes[0]);
  if (text !== undefined && isPrintable(text)) return formatKey(text);
  return `${hexPrefix}${formatHex(bytes)}`;
}

function parsesAsItself(text: string): boolean {
  if (text === '' || text.startsWith(textPrefix) || text.startsWith(hexPrefix)) return false;
  return !numberPattern.test(text) || Number(text) > 255;
}

function isPrintable(text: string): boolean {
  return !/\p{Cc}|\p{Cs}/u.test(text);
}

function checkText(text: string): string {
  if (text !== '') return text;
  throw refused('a key cannot be empty: write a number 0 to 255, a text, or hex: and digits');
}

function refused(message: string): QuorateError {
  return new QuorateError('CONFIGURATION', { field: 'key' }, message);
}
