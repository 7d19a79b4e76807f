import { type ClientUnaryCall, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  Consistency_Level,
  type GetRequest,
  type GetResponse,
  KeyValueServiceClient,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { channelOptions } from './channel-options.ts';

const timeoutMs = 2_000;

/**
 * The bare counterpart of NodeClient for the benchmark's echo: the generated client and a
 * promise. Same channel, same messages, same deadline; no spelling of keys, values or errors.
 */
export class EchoClient {
  readonly #clock: Clock;
  readonly #client: KeyValueServiceClient;

  constructor(clock: Clock, target: string) {
    this.#clock = clock;
    this.#client = new KeyValueServiceClient(target, credentials.createInsecure(), channelOptions);
  }

  /** One round trip. @throws QuorateError CONNECTION_FAILED */
  get(key: Buffer): Promise<GetResponse> {
    const request: GetRequest = {
      keyForm: { $case: 'rawKey', value: key },
      consistency: Consistency_Level.QUORUM,
      explain: false,
    };
    return new Promise((resolve, reject) => {
      this.#get(request, (error, response) => {
        if (error === null) resolve(response);
        else reject(new QuorateError('CONNECTION_FAILED', {}, error.message, { cause: error }));
      });
    });
  }

  close(): void {
    this.#client.close();
  }

  #get(
    request: GetRequest,
    callback: (error: ServiceError | null, response: GetResponse) => void,
  ): ClientUnaryCall {
    const deadline = this.#clock.realtimeMs() + timeoutMs;
    return this.#client.get(request, new Metadata(), { deadline }, callback);
  }
}
