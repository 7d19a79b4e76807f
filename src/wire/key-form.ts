import { asBuffer, decodeText, encodeText } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';

/** The longest key, in bytes. From the contract; an LMDB key may have 1,978. */
export const keyBytesMax = 1_024;

/** A key in one of its three spellings, as the generated types carry it. */
export type KeyForm =
  | { $case: 'key'; value: number }
  | { $case: 'textKey'; value: string }
  | { $case: 'rawKey'; value: Buffer };

/** What a user names a key by: a number 0 to 255, text, or bytes. */
export type KeySpelling = number | string | Uint8Array;

/**
 * The bytes of a key.
 *
 * @throws QuorateError INVALID_KEY naming the field.
 */
export function keyFromWire(form: KeyForm | undefined): Uint8Array {
  if (form === undefined) {
    throw invalidKey('key_form', 'no key: set one of key, text_key and raw_key');
  }
  switch (form.$case) {
    case 'key':
      if (form.value > 255) {
        throw invalidKey('key', `key is ${form.value}, it must be 0 to 255; use text_key for text`);
      }
      return Uint8Array.of(form.value);
    case 'textKey':
      return checkLength('text_key', encodeText(form.value));
    case 'rawKey':
      return checkLength('raw_key', form.value);
  }
}

/** How a key is shown: one byte as a number, else valid UTF-8 as text, else bytes. */
export function keyToWire(key: Uint8Array): KeyForm {
  if (key.length === 1) return { $case: 'key', value: key[0] ?? 0 };
  const text = decodeText(key);
  return text === undefined
    ? { $case: 'rawKey', value: asBuffer(key) }
    : { $case: 'textKey', value: text };
}

/** The form of a spelling, unchecked: the server judges it. */
export function spellingToWire(key: KeySpelling): KeyForm {
  if (typeof key === 'number') return { $case: 'key', value: key };
  if (typeof key === 'string') return { $case: 'textKey', value: key };
  return { $case: 'rawKey', value: asBuffer(key) };
}

/** The spelling of a form. */
export function spellingFromWire(form: KeyForm | undefined): KeySpelling {
  return form?.value ?? new Uint8Array();
}

/** Whether bytes can be a key. */
export function isKeyLength(bytes: number): boolean {
  return bytes >= 1 && bytes <= keyBytesMax;
}

function checkLength(field: string, key: Uint8Array): Uint8Array {
  if (isKeyLength(key.length)) return key;
  throw invalidKey(field, `${field} has ${key.length} bytes, it must have 1 to ${keyBytesMax}`);
}

function invalidKey(field: string, message: string): QuorateError {
  return new QuorateError('INVALID_KEY', { field, mayHaveApplied: false }, message);
}
