import type { ServiceDefinition } from '@grpc/grpc-js';
import { QuorateError } from '../base/quorate-error.ts';
import { decodeStrictly, type StrictDecoder } from '../wire/strict-text.ts';

/**
 * What comes in place of a request that is wrong. gRPC would answer with INTERNAL and no details; a
 * handler that gets this answers with the error.
 */
export class WrongRequest {
  readonly error: QuorateError;

  constructor(error: QuorateError) {
    this.error = error;
  }
}

/** Reads requests so that wrong ones reach the handlers. @param read throws a QuorateError for them. */
export function tolerantly<Request>(
  read: (bytes: Buffer) => Request,
): (bytes: Buffer) => Request | WrongRequest {
  return (bytes) => {
    try {
      return read(bytes);
    } catch (error: unknown) {
      return new WrongRequest(QuorateError.from(error));
    }
  };
}

/** The same service, except that requests which cannot be decoded reach the handlers. */
export function tolerant<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => {
    // The generated decoders also take a reader in the place of the bytes.
    const decoder = method.requestDeserialize as unknown as StrictDecoder<unknown>;
    return [
      name,
      { ...method, requestDeserialize: tolerantly((bytes) => decodeStrictly(decoder, bytes)) },
    ];
  });
  return Object.fromEntries(methods) as Service;
}
