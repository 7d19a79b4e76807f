import type { OutgoingCall } from '../../wire/pipeline-call-codec.ts';
import type { Attempt, CallAnswer, Failure } from './attempt.ts';
import type { NodeLink } from './node-link.ts';

/** A read that is sent once more while its first attempt is under way. */
export class SecondAttempt implements Attempt {
  readonly link: NodeLink;
  readonly outgoing: OutgoingCall;
  readonly deadlineMs: number;
  state: Attempt['state'] = 'queued';
  id = 0;
  queuedAtMs = 0;
  sentAtMs = 0;
  readonly #events: SecondAttemptEvents;

  constructor(first: Attempt, link: NodeLink, events: SecondAttemptEvents) {
    this.link = link;
    this.outgoing = first.outgoing;
    this.deadlineMs = first.deadlineMs;
    this.#events = events;
  }

  onAnswer(answer: CallAnswer): void {
    this.#events.onAnswer(answer, this.sentAtMs);
  }

  onFailure(failure: Failure): void {
    this.#events.onFailure(failure);
  }
}

interface SecondAttemptEvents {
  readonly onAnswer: (answer: CallAnswer, sentAtMs: number) => void;
  readonly onFailure: (failure: Failure) => void;
}
