import { QuorateError } from '../../base/quorate-error.ts';
import type { PlainValue } from '../../wire/value-form.ts';

/**
 * How values of a program become values of the store and back. A stored value remembers whether it
 * is text, bytes or JSON, so a codec can tell what is not its own.
 */
export interface Codec<T> {
  /** What is stored. What it throws becomes INVALID_VALUE, and nothing is sent. */
  encode(value: T): StoredValue;
  /** The value of what is stored. What it throws becomes INVALID_VALUE. */
  decode(stored: StoredValue): T;
}

/** A value as the store keeps it. */
export type StoredValue = PlainValue;

/** Values that are text. */
export const text: Codec<string> = {
  encode: (value) => ({ kind: 'text', text: value }),
  decode: (stored) => {
    if (stored.kind === 'text') return stored.text;
    throw otherKind('text', stored);
  },
};

/** Values that are bytes. Those given must stay as they are until the put has ended. */
export const bytes: Codec<Uint8Array> = {
  encode: (value) => ({ kind: 'bytes', bytes: value }),
  decode: (stored) => {
    if (stored.kind === 'bytes') return stored.bytes;
    throw otherKind('bytes', stored);
  },
};

/**
 * Values that are JSON: what `JSON.stringify` makes of them, but NaN and the infinities are refused.
 * The order of members is not kept.
 *
 * @param parse makes a `T` of what was read, or throws; by default it is taken for one.
 */
export function json<T>(parse: (value: unknown) => T = (value) => value as T): Codec<T> {
  return {
    encode: (value) => ({ kind: 'json', json: toJson(value) }),
    decode: (stored) => {
      if (stored.kind === 'json') return parse(stored.json);
      throw otherKind('json', stored);
    },
  };
}

function toJson(value: unknown): unknown {
  const encoded = JSON.stringify(value, (name, part: unknown) => {
    if (typeof part !== 'number' || Number.isFinite(part)) return part;
    throw notJson(`${part}${name && ` at ${name}`}`);
  });
  if (encoded === undefined) throw notJson(typeof value);
  return JSON.parse(encoded) as unknown;
}

function notJson(what: string): QuorateError {
  const message = `the value holds ${what}, which is not JSON`;
  return new QuorateError('INVALID_VALUE', { field: 'json', mayHaveApplied: false }, message);
}

function otherKind(expected: StoredValue['kind'], { kind }: StoredValue): QuorateError {
  const message = `the stored value is ${kind}, and ${expected} was expected: read it with another codec`;
  return new QuorateError('INVALID_VALUE', { expected, kind, mayHaveApplied: false }, message);
}
