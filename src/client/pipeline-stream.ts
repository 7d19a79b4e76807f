import type { Client, StatusObject } from '@grpc/grpc-js';
import { KeyValueServiceService } from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../base/quorate-error.ts';

/** A stream of messages to a node and back, as bytes. */
export interface PipelineStream {
  /** @returns whether more may be sent before `onDrain`. */
  write(message: Buffer): boolean;
  cancel(): void;
}

export interface PipelineEvents {
  onMessage(message: Buffer): void;
  onDrain(): void;
  /** The stream is over; `error` is why, unless the node has answered all that it took. */
  onEnd(error: QuorateError | undefined): void;
}

const asIs = (message: Buffer): Buffer => message;

export function openPipeline(client: Client, events: PipelineEvents): PipelineStream {
  const { path } = KeyValueServiceService.pipeline;
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, asIs, asIs);
  stream.on('data', (message: Buffer) => events.onMessage(message));
  stream.on('drain', () => events.onDrain());
  // What it says comes with the status too.
  stream.on('error', () => undefined);
  stream.on('status', ({ code, details }: StatusObject) => {
    if (code === 0) events.onEnd(undefined);
    else events.onEnd(new QuorateError('CONNECTION_FAILED', { reason: details }));
  });
  return { write: (message) => stream.write(message), cancel: () => stream.cancel() };
}
