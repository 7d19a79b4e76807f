import type { ServiceDefinition } from '@grpc/grpc-js';
import { QuorateError } from '../base/quorate-error.ts';
import { strictReader } from '../wire/strict-text.ts';

/**
 * Bytes that are no request. gRPC would answer them with INTERNAL and no details; a handler that
 * gets this in place of a request answers as for any other wrong request.
 */
export class MalformedRequest {
  readonly #reason: string;

  constructor(reason: string) {
    this.#reason = reason;
  }

  toError(): QuorateError {
    const details = { mayHaveApplied: false, reason: this.#reason };
    return new QuorateError('INVALID_ARGUMENT', details);
  }
}

/** The same service, except that requests which cannot be decoded reach the handlers. */
export function tolerant<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: tolerantly(method.requestDeserialize) },
  ]);
  return Object.fromEntries(methods) as Service;
}

function tolerantly(deserialize: (bytes: Buffer) => unknown): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      // The generated decoders also take a reader in the place of the bytes.
      return deserialize(strictReader(bytes) as unknown as Buffer);
    } catch (error: unknown) {
      return new MalformedRequest(error instanceof Error ? error.message : String(error));
    }
  };
}
