import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { FrameChannel, FrameDialer, RequestFrame, ResponseFrame } from '../links/frames.ts';
import type { LinkSet } from '../links/link-set.ts';
import { formatHostPort, type NodeAddress } from '../ring/node-address.ts';
import type { Logger } from '../runtime/logger.ts';
import {
  decodeRequestFrame,
  decodeResponseFrame,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../wire/frame-codec.ts';
import { messageLimits } from './limits.ts';

/** PeerService over gRPC: frames in and out of a bidirectional stream, and nothing more. */

const path = '/quorate.internal.v1.PeerService/Connect';

/** The service as gRPC sees it, with frames instead of generated messages. */
export const peerService = {
  connect: {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: encodeRequestFrame,
    requestDeserialize: decodeRequestFrame,
    responseSerialize: encodeResponseFrame,
    responseDeserialize: decodeResponseFrame,
  },
} as const satisfies ServiceDefinition;

/** Brings streams that peers open to the links. */
export function peerHandlers(components: {
  readonly links: LinkSet;
  readonly logger: Logger;
}): UntypedServiceImplementation {
  return {
    connect: (call: ServerDuplexStream<RequestFrame, ResponseFrame>) => {
      const session = components.links.accept({
        send: (frame) => !call.writable || call.write(frame),
        close: () => call.end(),
      });
      call.on('data', (frame: RequestFrame) => {
        try {
          session.onFrame(frame);
        } catch (error: unknown) {
          components.logger.error('a peer stream failed', { reason: String(error) });
          session.close();
        }
      });
      call.on('drain', () => session.onDrain());
      call.on('end', () => session.close());
      for (const event of ['error', 'cancelled', 'close']) call.on(event, () => session.onClosed());
    },
  };
}

/**
 * Dials one peer. Each dial makes a connection of its own and gives it up with its stream: gRPC's
 * own reconnection has no limit on a connection attempt, and two back-offs would add up.
 */
export class GrpcDialer implements FrameDialer {
  readonly #address: NodeAddress;

  constructor(address: NodeAddress) {
    this.#address = address;
  }

  dial(handlers: Parameters<FrameDialer['dial']>[0]): FrameChannel<RequestFrame> {
    const client = new Client(
      formatHostPort(this.#address),
      ChannelCredentials.createInsecure(),
      connectionOptions,
    );
    const call = client.makeBidiStreamRequest(path, encodeRequestFrame, decodeResponseFrame);
    let isClosed = false;
    const closed = (reason: string) => {
      if (isClosed) return;
      isClosed = true;
      client.close();
      handlers.onClosed(reason);
    };
    call.on('data', (frame: ResponseFrame) => handlers.onFrame(frame));
    call.on('drain', () => handlers.onDrain());
    call.on('error', (error) => closed(error.message));
    call.on('end', () => closed('the peer ended the stream'));
    return {
      send: (frame) => call.write(frame),
      close: () => {
        if (isClosed) return;
        isClosed = true;
        call.cancel();
        client.close();
      },
    };
  }
}

const connectionOptions: ChannelOptions = {
  ...messageLimits,
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
};
