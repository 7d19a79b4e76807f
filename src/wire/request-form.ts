import type {
  DeleteRequest,
  DeleteResponse,
  GetRequest,
  GetResponse,
  PutRequest,
  PutResponse,
} from '../../generated/quorate/v1/key_value.ts';
import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import { formatVersion, type Version } from '../record/version.ts';
import type { Value, VersionedValue } from '../record/versioned-value.ts';
import { type DomainExplanation, explanationToWire } from './explanation-form.ts';
import { keyFromWire } from './key-form.ts';
import { levelFromWire } from './level-form.ts';
import { ttlFromWire } from './ttl-form.ts';
import { valueFromWire, valueToWire } from './value-form.ts';
import { timestampToWire, writeTimeToWire } from './version-form.ts';

/**
 * What KeyValueService is asked and answers, to and from the coordinator's words; the same for a
 * call of its own and for one in a pipeline.
 */
export type DomainRequest =
  | ({ readonly kind: 'get' } & RequestBase)
  | ({
      readonly kind: 'put';
      readonly value: Value;
      readonly ttlMs: number | undefined;
    } & RequestBase)
  | ({ readonly kind: 'delete' } & RequestBase);

interface RequestBase {
  readonly key: Uint8Array;
  readonly level: ConsistencyLevel;
  readonly isExplained: boolean;
}

/** What a read gave. */
export interface DomainReadResult {
  readonly record: VersionedValue | undefined;
  readonly expireTimeMs: number | undefined;
  readonly explanation: DomainExplanation | undefined;
}

/** What a write gave. */
export interface DomainWriteResult {
  readonly version: Version;
  readonly explanation: DomainExplanation | undefined;
}

/** @throws QuorateError INVALID_KEY, INVALID_CONSISTENCY naming the field. */
export function getFromWire(request: GetRequest) {
  return { kind: 'get', ...baseFromWire(request) } as const;
}

/** @throws QuorateError INVALID_VALUE, INVALID_TTL, INVALID_KEY, INVALID_CONSISTENCY naming the field. */
export function putFromWire(request: PutRequest) {
  const value = valueFromWire(request.valueForm);
  const ttlMs = ttlFromWire(request.ttl);
  return { kind: 'put', ...baseFromWire(request), value, ttlMs } as const;
}

/** @throws QuorateError INVALID_KEY, INVALID_CONSISTENCY naming the field. */
export function deleteFromWire(request: DeleteRequest) {
  return { kind: 'delete', ...baseFromWire(request) } as const;
}

function baseFromWire(request: GetRequest | PutRequest | DeleteRequest): RequestBase {
  return {
    key: keyFromWire(request.keyForm),
    level: levelFromWire(request.consistency),
    isExplained: request.explain,
  };
}

export function readResultToWire(result: DomainReadResult): GetResponse {
  const { record, expireTimeMs, explanation } = result;
  return {
    found: record?.value !== undefined,
    valueForm: record?.value && valueToWire(record.value),
    version: formatVersion(record?.version),
    writeTime: writeTimeToWire(record?.version),
    expireTime: timestampToWire(expireTimeMs),
    explanation: explanationToWire(explanation),
  };
}

export function writeResultToWire(result: DomainWriteResult): PutResponse & DeleteResponse {
  const { version, explanation } = result;
  return {
    version: formatVersion(version),
    writeTime: writeTimeToWire(version),
    explanation: explanationToWire(explanation),
  };
}
