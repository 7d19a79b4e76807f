import type { ServiceError } from '@grpc/grpc-js';
import { QuorateError } from '../base/quorate-error.ts';
import { errorFromWire, statusDetailsKey } from '../wire/error-status.ts';

/**
 * The error of a call that failed.
 *
 * @param isWrite whether the call may have changed something that its error does not speak of.
 */
export function toQuorateError(error: ServiceError, isWrite: boolean): QuorateError {
  if (error.metadata === undefined) return QuorateError.from(error);
  const [details] = error.metadata.get(statusDetailsKey);
  const encoded = Buffer.isBuffer(details) ? details : undefined;
  return errorFromWire(error.code, error.details, encoded, isWrite);
}
