import type { QuorateError } from '../../base/quorate-error.ts';
import type { OutgoingCall } from '../../wire/pipeline-call-codec.ts';
import type { PlainValue } from '../../wire/value-form.ts';
import type { GetAnswer, WriteAnswer } from '../answers.ts';

/** One sending of a call to one node, as the call and the way to the node see it. */
export interface Attempt {
  readonly outgoing: OutgoingCall;
  readonly deadlineMs: number;
  /** From `sent` on the node may have it. */
  state: 'queued' | 'sent' | 'over';
  /** Names it on its stream, once it is sent. */
  id: number;
  /** When it was handed to the link, and when it left. */
  queuedAtMs: number;
  sentAtMs: number;
  /** The node has done it. The answer is valid during this call only. */
  onAnswer(answer: CallAnswer): void;
  onFailure(failure: Failure): void;
}

/** Why an attempt failed, and whether the node can have acted on it. */
export interface Failure {
  /**
   * `unsent`: the node never looked at it. `refused`: the node says what became of it. `lost`: it
   * was sent, and the answer will not come.
   */
  readonly fate: 'unsent' | 'refused' | 'lost';
  readonly error: QuorateError;
}

/** The answer to a call, of which its caller takes what it wants. */
export interface CallAnswer {
  /** When it came, by the monotonic clock. */
  readonly atMs: number;
  /** Of a get: the value and nothing else, `undefined` if the key is absent. */
  value(): PlainValue | undefined;
  /** Of a get: all of it. */
  entry(): GetAnswer;
  /** Of a put or delete. */
  written(): WriteAnswer;
}

/** The way to one node, while the connection lasts. */
export interface Sender {
  /** How many attempts wait for an answer, or to be sent. */
  readonly pending: number;
  /** How many nobody waits for any more, which the node has all the same. */
  readonly givenUp: number;
  send(attempt: Attempt): void;
  /** The caller waits for it no more; its state stays. */
  forget(attempt: Attempt): void;
  /** Fails all that is left. */
  close(error: QuorateError): void;
}
