import { encodeText } from '../../base/bytes.ts';
import { QuorateError } from '../../base/quorate-error.ts';
import type { ConsistencyLevel } from '../../consistency/consistency-level.ts';
import {
  type OutgoingCall,
  type OutgoingValue,
  outgoingKey,
  outgoingValue,
} from '../../wire/pipeline-call-codec.ts';
import { checkTtl } from '../../wire/ttl-form.ts';
import type { PlainValue } from '../../wire/value-form.ts';
import type { CallAnswer } from './attempt.ts';
import type { Calls } from './calls.ts';
import { checkLevel, checkTimeout } from './checked-options.ts';
import type { Codec } from './codec.ts';
import type { Key, KeyEntry, KeyView, Written } from './key-view.ts';
import type { CallOptions, ExplainOptions, PutOptions } from './options.ts';

/** A view that makes calls of what is asked of it. What is wrong is refused before it is sent. */
export interface CallingViewInit<T> {
  readonly codec: Codec<T>;
  readonly prefix: string;
  readonly consistency: ConsistencyLevel;
  readonly timeoutMs: number;
}

export class CallingView<T> implements KeyView<T> {
  readonly #calls: Pick<Calls, 'make'>;
  readonly #init: CallingViewInit<T>;

  constructor(calls: Pick<Calls, 'make'>, init: CallingViewInit<T>) {
    this.#calls = calls;
    this.#init = init;
  }

  get(key: Key, options: CallOptions = {}): Promise<T | undefined> {
    return this.#make('get', key, options, this.#takeValue);
  }

  getEntry(key: Key, options: ExplainOptions = {}): Promise<KeyEntry<T>> {
    return this.#make('get', key, options, this.#takeEntry);
  }

  put(key: Key, value: T, options: PutOptions = {}): Promise<Written> {
    try {
      return this.#make('put', key, options, takeWritten, this.#encode(value));
    } catch (error: unknown) {
      return Promise.reject(error);
    }
  }

  delete(key: Key, options: ExplainOptions = {}): Promise<Written> {
    return this.#make('delete', key, options, takeWritten);
  }

  #make<Result>(
    kind: OutgoingCall['kind'],
    key: Key,
    options: PutOptions,
    take: (answer: CallAnswer) => Result,
    value?: OutgoingValue,
  ): Promise<Result> {
    const { consistency, timeoutMs, ttlMs, signal } = options;
    try {
      const outgoing: OutgoingCall = {
        kind,
        key: outgoingKey(this.#fullKey(key)),
        value,
        ttlMs: ttlMs === undefined ? undefined : checkTtl(Math.ceil(ttlMs)),
        level: consistency === undefined ? this.#init.consistency : checkLevel(consistency),
        isExplained: options.explain === true,
      };
      const withinMs = timeoutMs === undefined ? this.#init.timeoutMs : checkTimeout(timeoutMs);
      return this.#calls.make(outgoing, withinMs, signal, take);
    } catch (error: unknown) {
      return Promise.reject(error);
    }
  }

  #fullKey(key: Key): Key {
    const { prefix } = this.#init;
    if (prefix === '') return key;
    if (typeof key === 'string') return prefix + key;
    const rest = typeof key === 'number' ? Uint8Array.of(outgoingKey(key)) : key;
    return Buffer.concat([encodeText(prefix), rest]);
  }

  #encode(value: T): OutgoingValue {
    try {
      return outgoingValue(this.#init.codec.encode(value));
    } catch (error: unknown) {
      throw invalidValue('the codec cannot encode the value', error);
    }
  }

  #decode(value: PlainValue | undefined): T | undefined {
    try {
      return value && this.#init.codec.decode(value);
    } catch (error: unknown) {
      throw invalidValue('the codec cannot decode the stored value', error);
    }
  }

  readonly #takeValue = (answer: CallAnswer): T | undefined => this.#decode(answer.value());

  readonly #takeEntry = (answer: CallAnswer): KeyEntry<T> => {
    const entry = answer.entry();
    return { ...entry, value: this.#decode(entry.value) };
  };
}

function takeWritten(answer: CallAnswer): Written {
  return answer.written();
}

function invalidValue(sentence: string, thrown: unknown): QuorateError {
  if (thrown instanceof QuorateError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const message = `${sentence}: ${reason}`;
  return new QuorateError('INVALID_VALUE', { mayHaveApplied: false }, message, { cause: thrown });
}
