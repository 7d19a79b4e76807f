import type { ServerDuplexStream, UntypedHandleCall } from '@grpc/grpc-js';
import { KeyValueServiceService } from '../../generated/quorate/v1/key_value.ts';
import { statusOf } from './call-context.ts';
import { type PipelineComponents, PipelineSession } from './pipeline-session.ts';

/** Pipeline over gRPC: messages as bytes, in and out of sessions, and their end with the node's. */

const asIs = (message: Buffer): Buffer => message;

/** The method as gRPC sees it, with bytes instead of generated messages. */
export const pipelineMethod = {
  ...KeyValueServiceService.pipeline,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;

export class Pipelines {
  readonly #components: PipelineComponents;
  readonly #sessions = new Set<PipelineSession>();
  #isStopped = false;

  constructor(components: PipelineComponents) {
    this.#components = components;
  }

  /** Takes a stream that a client opened. */
  readonly accept: UntypedHandleCall = (call: ServerDuplexStream<Buffer, Buffer>) => {
    const session = new PipelineSession(this.#components, {
      write: (message) => call.write(message),
      pause: () => call.pause(),
      resume: () => call.resume(),
      end: () => call.end(),
      fail: (error) => call.emit('error', statusOf(error, this.#components.logger)),
    });
    this.#sessions.add(session);
    call.on('data', (message: Buffer) => session.onMessage(message));
    call.on('drain', () => session.onDrain());
    call.on('end', () => session.onHalfClose());
    for (const event of ['error', 'cancelled', 'close']) {
      call.on(event, () => {
        this.#sessions.delete(session);
        session.onClosed();
      });
    }
    if (this.#isStopped) session.stop();
  };

  /** Ends all streams once what was taken of them is answered; new ones end at once. */
  stop(): void {
    this.#isStopped = true;
    for (const session of this.#sessions) session.stop();
  }
}
