import { asBuffer, decodeText, encodeText } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { Value } from '../record/versioned-value.ts';

/** The largest value, in bytes; JSON is measured as JSON text. */
export const valueBytesMax = 1024 * 1024;

/**
 * How deep JSON may be nested. The generated decoder stops at 100 messages, and an object within an
 * object takes three of them.
 */
const jsonDepthMax = 30;

/** A value as the generated types carry it; the JSON one is a plain JavaScript value. */
export type ValueForm =
  | { $case: 'value'; value: string }
  | { $case: 'rawValue'; value: Buffer }
  | { $case: 'json'; value: unknown };

/** A value as users see it. */
export type PlainValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'json'; readonly json: unknown };

/**
 * The value to store.
 *
 * @throws QuorateError INVALID_VALUE naming the field.
 */
export function valueFromWire(form: ValueForm | undefined): Value {
  if (form === undefined) {
    throw invalidValue('value_form', 'no value: set one of value, raw_value and json');
  }
  switch (form.$case) {
    case 'value':
      return checkLength('value', { kind: 'text', bytes: encodeText(form.value) });
    case 'rawValue':
      return checkLength('raw_value', { kind: 'bytes', bytes: form.value });
    case 'json':
      return checkLength('json', { kind: 'json', bytes: encodeText(formatJson(form.value)) });
  }
}

/** The form of a stored value. */
export function valueToWire(value: Value): ValueForm {
  switch (value.kind) {
    case 'text':
      return { $case: 'value', value: decodeText(value.bytes) ?? '' };
    case 'bytes':
      return { $case: 'rawValue', value: asBuffer(value.bytes) };
    case 'json':
      return { $case: 'json', value: parseJson(value.bytes) };
  }
}

/**
 * The form of a user's value; the server judges it.
 *
 * @throws QuorateError INVALID_VALUE for what would be lost on the way.
 */
export function plainToWire(value: PlainValue): ValueForm {
  switch (value.kind) {
    case 'text':
      return { $case: 'value', value: value.text };
    case 'bytes':
      return { $case: 'rawValue', value: asBuffer(value.bytes) };
    case 'json':
      checkJson(value.json, 1);
      return { $case: 'json', value: value.json };
  }
}

/** A user's value, or `undefined` where there is none. */
export function plainFromWire(form: ValueForm | undefined): PlainValue | undefined {
  switch (form?.$case) {
    case undefined:
      return undefined;
    case 'value':
      return { kind: 'text', text: form.value };
    case 'rawValue':
      return { kind: 'bytes', bytes: form.value };
    case 'json':
      return { kind: 'json', json: form.value };
  }
}

function formatJson(value: unknown): string {
  checkJson(value, 1);
  return JSON.stringify(value) ?? 'null';
}

/**
 * JSON has no NaN and no infinities, though protobuf's Value can carry them. A member `__proto__` is
 * taken for the prototype by the generated code, and lost: better refused.
 */
function checkJson(value: unknown, depth: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw invalidValue('json', `json holds ${value}, which is not JSON`);
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > jsonDepthMax) {
    throw invalidValue('json', `json is nested deeper than ${jsonDepthMax} levels`);
  }
  if (Object.hasOwn(value, '__proto__')) {
    throw invalidValue('json', 'json has a member named __proto__, which cannot be carried');
  }
  for (const part of Object.values(value)) checkJson(part, depth + 1);
}

function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(decodeText(bytes) ?? 'null') as unknown;
}

function checkLength(field: string, value: Value): Value {
  checkValueLength(field, value.bytes);
  return value;
}

/** The same bytes. @throws QuorateError INVALID_VALUE naming the field if they are too many. */
export function checkValueLength<Bytes extends Uint8Array>(field: string, bytes: Bytes): Bytes {
  if (bytes.length <= valueBytesMax) return bytes;
  const message = `${field} has ${bytes.length} bytes, it may have ${valueBytesMax} at most`;
  throw invalidValue(field, message);
}

function invalidValue(field: string, message: string): QuorateError {
  return new QuorateError('INVALID_VALUE', { field, mayHaveApplied: false }, message);
}
