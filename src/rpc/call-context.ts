import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { QuorateError } from '../base/quorate-error.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { errorToWire, statusDetailsKey } from '../wire/error-status.ts';
import { WrongRequest } from './tolerant-service.ts';

/**
 * The one wrapper round all handlers: what a handler throws becomes a status with details, whatever
 * it is, and the process lives.
 */

/** What a call without a deadline gets. */
export const timeoutMsDefault = 2_000;
/** The longest a call may wait; promises elsewhere count on it. */
const timeoutMsMax = 30_000;
/**
 * A node answers this part of the caller's time early, but no more than `answerEarlyMsMax`: an
 * answer that arrives after the deadline is thrown away, and with it what is known of the outcome.
 */
const answerEarlyPart = 0.05;
const answerEarlyMsMin = 5;
const answerEarlyMsMax = 50;

/** What a handler knows of its call. */
export interface CallContext {
  /** How long the handler has, in milliseconds. */
  readonly timeoutMs: number;
  /** Calls back when the caller is gone. */
  onCancel(callback: () => void): void;
}

export interface HandlerComponents {
  /** The clock that gRPC's deadlines are in: the machine's, without any offset. */
  readonly transportClock: Clock;
  readonly logger: Logger;
}

/** A gRPC handler of a unary call. */
export function unary<Request, Response>(
  components: HandlerComponents,
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    const fail = (thrown: unknown) => callback(statusOf(thrown, components.logger));
    try {
      const response = handle(wellFormed(call.request), contextOf(call, components));
      Promise.resolve(response).then((answer) => callback(null, answer), fail);
    } catch (thrown: unknown) {
      fail(thrown);
    }
  };
}

/** A gRPC handler of a call that streams its answer; at most one message waits to be sent. */
export function serverStream<Request, Response>(
  components: HandlerComponents,
  handle: (request: Request) => Iterable<Response> | AsyncIterable<Response>,
): (call: ServerWritableStream<Request, Response>) => void {
  return (call) => {
    const run = async () => {
      let goOn: () => void = () => undefined;
      for (const event of ['cancelled', 'close']) call.once(event, () => goOn());
      for await (const response of handle(wellFormed(call.request))) {
        if (call.cancelled || call.destroyed) return;
        await new Promise<void>((resolve) => {
          goOn = resolve;
          call.write(response, () => resolve());
        });
      }
      call.end();
    };
    run().catch((thrown: unknown) => call.emit('error', statusOf(thrown, components.logger)));
  };
}

function wellFormed<Request>(request: Request | WrongRequest): Request {
  if (request instanceof WrongRequest) throw request.error;
  return request;
}

function contextOf(
  call: ServerUnaryCall<unknown, unknown>,
  { transportClock }: HandlerComponents,
): CallContext {
  return {
    timeoutMs: timeoutOf(call.getDeadline(), transportClock.realtimeMs()),
    onCancel: (callback) => call.on('cancelled', callback),
  };
}

function timeoutOf(deadline: number | { getTime(): number }, nowMs: number): number {
  const atMs = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(atMs) ? answerWithinMs(atMs - nowMs) : timeoutMsDefault;
}

/** How long a node may take for an answer that its caller waits for so long. */
export function answerWithinMs(leftMs: number): number {
  const early = Math.min(answerEarlyMsMax, Math.max(answerEarlyMsMin, leftMs * answerEarlyPart));
  return Math.min(timeoutMsMax, Math.max(0, leftMs - early));
}

/** The error of what a handler threw; the log has what callers cannot do anything about. */
export function narrowed(thrown: unknown, logger: Logger): QuorateError {
  const error = QuorateError.from(thrown);
  if (error.code === 'INTERNAL') {
    const cause = error.cause instanceof Error ? error.cause.stack : undefined;
    logger.error('a handler failed', { reason: error.message, stack: cause });
  }
  return error;
}

/** The status of what a handler threw. */
export function statusOf(thrown: unknown, logger: Logger) {
  const error = narrowed(thrown, logger);
  const { code, message, details } = errorToWire(error);
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, details);
  return Object.assign(new Error(message), { code, details: message, metadata });
}
