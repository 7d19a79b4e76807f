import type { Any } from '../../generated/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';
import {
  isQuorateErrorCode,
  QuorateError,
  type QuorateErrorCode,
  type QuorateErrorDetails,
} from '../base/quorate-error.ts';
import { durationToMs } from './version-form.ts';

/**
 * QuorateError to and from a gRPC status with google.rpc details, the error model of AIP-193. The
 * reason and its metadata are the API; the message is for people.
 */

/** The domain of all reasons. */
const errorDomain = 'quorate.v1';
/** The metadata key that carries the encoded google.rpc.Status. */
export const statusDetailsKey = 'grpc-status-details-bin';

/** The gRPC status codes that are used, by their number. */
const statusCodes = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

/** The status of each code. */
const statusOf = {
  NOT_ENOUGH_REPLICAS: statusCodes.UNAVAILABLE,
  NODE_NOT_READY: statusCodes.UNAVAILABLE,
  READ_TIMEOUT: statusCodes.DEADLINE_EXCEEDED,
  WRITE_TIMEOUT: statusCodes.DEADLINE_EXCEEDED,
  REPLICA_FAILURE: statusCodes.UNAVAILABLE,
  RECORD_DAMAGED: statusCodes.DATA_LOSS,
  OVERLOADED: statusCodes.RESOURCE_EXHAUSTED,
  DISK_FULL: statusCodes.RESOURCE_EXHAUSTED,
  CLOCK_SKEW: statusCodes.FAILED_PRECONDITION,
  LEVEL_UNREACHABLE: statusCodes.FAILED_PRECONDITION,
  INVALID_KEY: statusCodes.INVALID_ARGUMENT,
  INVALID_VALUE: statusCodes.INVALID_ARGUMENT,
  INVALID_TTL: statusCodes.INVALID_ARGUMENT,
  INVALID_CONSISTENCY: statusCodes.INVALID_ARGUMENT,
  INVALID_ARGUMENT: statusCodes.INVALID_ARGUMENT,
  UNORDERED_RING: statusCodes.FAILED_PRECONDITION,
  CONNECTION_FAILED: statusCodes.UNAVAILABLE,
  NO_COORDINATOR: statusCodes.UNAVAILABLE,
  CANCELLED: statusCodes.CANCELLED,
  UNIMPLEMENTED: statusCodes.UNIMPLEMENTED,
  CONFIGURATION: statusCodes.FAILED_PRECONDITION,
  INTERNAL: statusCodes.INTERNAL,
} as const satisfies Record<QuorateErrorCode, number>;

/** How long an overloaded node asks its callers to wait; under a second. */
const overloadRetryMs = 50;

/** A gRPC status: its code, its text, and the encoded google.rpc.Status. */
export interface WireStatus {
  readonly code: number;
  readonly message: string;
  readonly details: Buffer;
}

/** The status of an error. */
export function errorToWire(error: QuorateError): WireStatus {
  const code = statusOf[error.code];
  const details = [packErrorInfo(error)];
  if (error.code === 'OVERLOADED') details.push(packRetryInfo());
  if ('field' in error.details) details.push(packBadRequest(error));
  const encoded = Status.encode({ code, message: error.message, details }).finish();
  return { code, message: error.message, details: Buffer.from(encoded) };
}

/**
 * The error of a status. A status without our details comes from the transport or from a proxy;
 * then only its code tells what happened.
 *
 * @param isWrite whether the call may have changed something that its error does not speak of.
 */
export function errorFromWire(
  code: number,
  message: string,
  encoded: Uint8Array | undefined,
  isWrite: boolean,
): QuorateError {
  const { info, retryDelayMs } = (encoded && unpack(encoded)) ?? {};
  if (info !== undefined && isQuorateErrorCode(info.reason)) {
    const details = parseMetadata(info.metadata);
    const all = retryDelayMs === undefined ? details : { ...details, retryDelayMs };
    return new QuorateError(info.reason, all, message);
  }
  switch (code) {
    case statusCodes.DEADLINE_EXCEEDED:
      return isWrite
        ? new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: true, reason: 'no answer in time' })
        : new QuorateError('READ_TIMEOUT', { reason: 'no answer in time' });
    case statusCodes.UNAVAILABLE:
      // The connection may have ended after the request had left.
      return new QuorateError('CONNECTION_FAILED', { mayHaveApplied: isWrite, reason: message });
    case statusCodes.CANCELLED:
      return new QuorateError('CANCELLED', { mayHaveApplied: isWrite }, message);
    case statusCodes.UNIMPLEMENTED:
      return new QuorateError('UNIMPLEMENTED', {}, message);
    case statusCodes.INVALID_ARGUMENT:
    // The node's own overload carries details; without them it is a message over the size limit.
    case statusCodes.RESOURCE_EXHAUSTED:
      return new QuorateError('INVALID_ARGUMENT', { mayHaveApplied: false }, message);
    default:
      return new QuorateError('INTERNAL', { mayHaveApplied: isWrite, reason: message });
  }
}

/** The error of an encoded google.rpc.Status, as {@link errorFromWire} reads it. */
export function errorFromStatus(encoded: Uint8Array, isWrite: boolean): QuorateError {
  const { code, message } = Status.decode(encoded);
  return errorFromWire(code, message, encoded, isWrite);
}

function packErrorInfo(error: QuorateError): Any {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(error.details)) metadata[name] = String(value);
  const info = { reason: error.code, domain: errorDomain, metadata };
  return pack('google.rpc.ErrorInfo', ErrorInfo.encode(info).finish());
}

function packRetryInfo(): Any {
  const retryDelay = { seconds: 0n, nanos: overloadRetryMs * 1_000_000 };
  return pack('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay }).finish());
}

function packBadRequest(error: QuorateError): Any {
  const violation = { field: String(error.details['field']), description: error.message };
  const badRequest = { fieldViolations: [violation] };
  return pack('google.rpc.BadRequest', BadRequest.encode(badRequest).finish());
}

function pack(type: string, encoded: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(encoded) };
}

/** What the details say: why it failed, and how long the node asks its callers to wait. */
function unpack(
  encoded: Uint8Array,
): { readonly info: ErrorInfo; readonly retryDelayMs: number | undefined } | undefined {
  try {
    const { details } = Status.decode(encoded);
    const find = (type: string) => details.find(({ typeUrl }) => typeUrl.endsWith(`/${type}`));
    const packed = find('google.rpc.ErrorInfo');
    const info = packed && ErrorInfo.decode(packed.value);
    if (info?.domain !== errorDomain) return undefined;
    const retry = find('google.rpc.RetryInfo');
    const { retryDelay } = retry ? RetryInfo.decode(retry.value) : {};
    return { info, retryDelayMs: durationToMs(retryDelay) };
  } catch {
    return undefined;
  }
}

function parseMetadata(metadata: { readonly [name: string]: string }): QuorateErrorDetails {
  const details: Record<string, string | number | boolean> = {};
  for (const [name, text] of Object.entries(metadata)) {
    if (numberDetails.has(name)) details[name] = Number(text);
    else details[name] = name === 'mayHaveApplied' ? text === 'true' : text;
  }
  return details;
}

/** The details that are numbers; metadata carries all as text. */
const numberDetails = new Set([
  'required',
  'received',
  'failed',
  'alive',
  'replicationFactor',
  'inFlight',
  'roomy',
]);
