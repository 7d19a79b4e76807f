import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type GetRequest,
  type GetResponse,
  KeyValueServiceService,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort } from '../ring/node-address.ts';
import { messageLimits, streamsPerConnectionMax } from './limits.ts';

/**
 * The yardstick of the benchmark: gRPC and nothing else. A server whose only call is `Get`, and
 * which answers every key with the same value, in a message of the size that a node would send.
 * What a node takes longer than this is what Quorate costs; the rest is the transport's.
 */
export class EchoServer {
  readonly #server = new Server({
    ...messageLimits,
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 3_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.so_reuseport': 0,
  });

  /** @param valueBytes how long the value of each answer is. */
  constructor(valueBytes: number) {
    const response: GetResponse = {
      found: true,
      valueForm: { $case: 'value', value: 'v'.repeat(valueBytes) },
      version: '0019a7b2c3d4e5f6@replica0',
      writeTime: { seconds: 1_700_000_000n, nanos: 123_000_000 },
      expireTime: undefined,
      explanation: undefined,
    };
    const { get } = KeyValueServiceService;
    this.#server.addService(
      { get },
      {
        get: (
          _call: { readonly request: GetRequest },
          callback: (error: null, response: GetResponse) => void,
        ) => callback(null, response),
      },
    );
  }

  /** Listens. @throws QuorateError CONFIGURATION if the address cannot be listened on. */
  listen(host: string, port: number): Promise<void> {
    const address = formatHostPort({ host, port });
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else {
          const message = `cannot listen on ${address}: choose another port`;
          reject(new QuorateError('CONFIGURATION', { address }, message, { cause: error }));
        }
      });
    });
  }

  /** Ends everything at once. */
  stop(): void {
    this.#server.forceShutdown();
  }
}
