import { type ClientReadableStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { ClusterServiceClient } from '../../generated/quorate/v1/cluster.ts';
import type { Clock } from '../runtime/clock.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { toQuorateError } from './call-error.ts';
import { channelOptions } from './channel-options.ts';
import { connect } from './connect.ts';

/** A client of one node for the long calls that copy data. They wait for as long as it answers. */
export class BackupClient {
  readonly #clock: Clock = new SystemClock();
  readonly #target: string;
  readonly #cluster: ClusterServiceClient;

  /** @param target the node, as `host:port`. */
  constructor(target: string) {
    this.#target = target;
    this.#cluster = new ClusterServiceClient(target, credentials.createInsecure(), channelOptions);
  }

  /** Makes the connection. @throws QuorateError CONNECTION_FAILED */
  connect(timeoutMs: number): Promise<void> {
    const deadline = this.#clock.realtimeMs() + timeoutMs;
    return connect(this.#cluster.getChannel(), deadline, this.#target);
  }

  /**
   * Has the node write a copy of what it keeps into a directory of its machine.
   *
   * @returns how many bytes have been written, again and again; the last is of the whole copy.
   * @throws QuorateError
   */
  async *snapshot(directory: string): AsyncIterable<number> {
    for await (const { bytes } of answersOf(this.#cluster.snapshot({ directory }))) {
      yield Number(bytes);
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#cluster.close();
  }
}

async function* answersOf<Response>(
  stream: ClientReadableStream<Response>,
): AsyncIterable<Response> {
  try {
    for await (const answer of stream) yield answer as Response;
  } catch (error: unknown) {
    throw toQuorateError(error as ServiceError, false);
  } finally {
    stream.cancel();
  }
}
