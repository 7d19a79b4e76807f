import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import type { QuorateError } from '../../src/base/quorate-error.ts';
import { errorFromWire, statusDetailsKey } from '../../src/wire/error-status.ts';

/** gRPC with bytes made by hand, for requests that no client would send. */
export class RawRpc {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
    });
  }

  /** Calls a unary method. @returns the bytes of the answer, or the error as a client has it. */
  unary(path: string, request: Uint8Array): Promise<Buffer | QuorateError> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => bytes,
        request,
        { deadline: Date.now() + 5_000 },
        (error, answer) => resolve(error === null ? (answer ?? Buffer.alloc(0)) : narrow(error)),
      );
    });
  }

  /** Whether a service says that it serves; `undefined` if the node cannot be asked. */
  async isServing(service: string): Promise<boolean | undefined> {
    const name = Buffer.from(service);
    const request = Buffer.concat([Uint8Array.of(0x0a, name.length), name]);
    const answer = await this.unary('/grpc.health.v1.Health/Check', request);
    if (!Buffer.isBuffer(answer)) return undefined;
    // Field 1 is the status; 1 is SERVING.
    return answer[0] === 0x08 && answer[1] === 1;
  }

  /** Opens a peer stream, sends frames, and settles with what came back when it ends. */
  peerStream(frames: readonly Uint8Array[], waitMs = 2_000): Promise<PeerStreamEnd> {
    return new Promise((resolve) => {
      const received: Buffer[] = [];
      const call = this.#client.makeBidiStreamRequest<Uint8Array, Buffer>(
        '/quorate.internal.v1.PeerService/Connect',
        (bytes) => Buffer.from(bytes),
        (bytes) => bytes,
        { deadline: Date.now() + waitMs },
      );
      call.on('data', (frame: Buffer) => received.push(frame));
      call.on('error', (error: ServiceError) => resolve({ received, code: error.code }));
      call.on('end', () => resolve({ received, code: 0 }));
      for (const frame of frames) call.write(frame);
    });
  }

  close(): void {
    this.#client.close();
  }
}

export interface PeerStreamEnd {
  readonly received: readonly Buffer[];
  /** The gRPC status code that ended it; 0 for a plain end. */
  readonly code: number;
}

function narrow(error: ServiceError): QuorateError {
  const [details] = error.metadata.get(statusDetailsKey);
  return errorFromWire(
    error.code,
    error.details,
    Buffer.isBuffer(details) ? details : undefined,
    true,
  );
}
