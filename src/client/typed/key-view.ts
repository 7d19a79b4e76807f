import type { KeySpelling } from '../../wire/key-form.ts';
import type { ExplanationAnswer, WriteAnswer } from '../answers.ts';
import type { CallOptions, ExplainOptions, PutOptions } from './options.ts';

/** A number is the key that is this single byte, a text the one that is its UTF-8 bytes. */
export type Key = KeySpelling;

/** The keys that begin with a prefix, which may be empty, with values of one type. */
export interface KeyView<T> {
  /** The value of a key; `undefined` if it is absent. @throws QuorateError */
  get(key: Key, options?: CallOptions): Promise<T | undefined>;
  /** The value of a key with all that is known of it. @throws QuorateError */
  getEntry(key: Key, options?: ExplainOptions): Promise<KeyEntry<T>>;
  /** Stores a value. @throws QuorateError; its `mayHaveApplied` tells an uncertain outcome. */
  put(key: Key, value: T, options?: PutOptions): Promise<Written>;
  /** Deletes a key. @throws QuorateError; its `mayHaveApplied` tells an uncertain outcome. */
  delete(key: Key, options?: ExplainOptions): Promise<Written>;
}

/** What a key has, or that it has nothing. */
export interface KeyEntry<T> {
  /** `undefined` if the key is absent. */
  readonly value: T | undefined;
  /**
   * The version of what was read or of its deletion, empty if the key was never written. An opaque
   * text: a newer version compares greater.
   */
  readonly version: string;
  /** When the version was made, in milliseconds since 1970, by the clock of its coordinator. */
  readonly writeTimeMs: number | undefined;
  /** From when on the value is absent, also if that has come; `undefined` if it never expires. */
  readonly expireTimeMs: number | undefined;
  /** Which replicas said what, if that was asked for. */
  readonly explanation: Explanation | undefined;
}

/** A put or a delete that is done. */
export type Written = WriteAnswer;

/** Which replicas said what. */
export type Explanation = ExplanationAnswer;
