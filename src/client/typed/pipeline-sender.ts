import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { PipelineAnswerReader } from '../../wire/pipeline-answer-codec.ts';
import { PipelineMessageWriter } from '../../wire/pipeline-call-codec.ts';
import type { PlainValue } from '../../wire/value-form.ts';
import { getAnswer, writeAnswer } from '../answer-forms.ts';
import type { GetAnswer, WriteAnswer } from '../answers.ts';
import type { PipelineStream } from '../pipeline-stream.ts';
import type { Attempt, CallAnswer, Sender } from './attempt.ts';
import type { Connection } from './connection.ts';
import { InFlightWindow } from './in-flight-window.ts';

/**
 * Many calls on one stream: all that is sent in one turn of the event loop leaves in one message.
 *
 * What the node has no room for waits here, where it can still go another way. When the stream
 * ends with OK, as it does when the node stops, calls without an answer were never looked at; when
 * it ends otherwise, they may have been.
 */
export interface PipelineSenderInit {
  readonly clock: Clock;
  readonly connection: Pick<Connection, 'openPipeline'>;
  /** Told how long the node took, once for each of its messages. */
  readonly onLatency: (ms: number) => void;
  /** Told of the answers in each message, and how long one had been waited for, if any was. */
  readonly onAnswers: (answers: number, waitedMs: number | undefined) => void;
  /** The stream is over; told before its attempts are. */
  readonly onEnd: (error: QuorateError) => void;
}

/** So many calls that were sent may stay in the queue. */
const trimmedAfter = 4_096;
/** A message ends with the call that passes this. */
const messageBytes = 256 * 1024;

export class PipelineSender implements Sender {
  readonly #init: PipelineSenderInit;
  readonly #stream: PipelineStream;
  readonly #writer = new PipelineMessageWriter();
  readonly #window = new InFlightWindow();
  /** Not sent; those before `#next` were. */
  #queue: Attempt[] = [];
  #next = 0;
  readonly #open = new Map<number, Attempt>();
  #givenUp = 0;
  #lastId = 0;
  #isFlushing = false;
  #isBlocked = false;
  /** Whether calls wait for room at the node. */
  #isBacklogged = false;
  #isOver = false;

  constructor(init: PipelineSenderInit) {
    this.#init = init;
    this.#stream = init.connection.openPipeline({
      onMessage: (message) => this.#onMessage(message),
      onDrain: () => {
        this.#isBlocked = false;
        this.#flush();
      },
      onEnd: (error) => this.#onEnd(error),
    });
  }

  get pending(): number {
    return this.#open.size + this.#queue.length - this.#next;
  }

  get givenUp(): number {
    return this.#givenUp;
  }

  send(attempt: Attempt): void {
    this.#queue.push(attempt);
    if (this.#isFlushing || this.#isBlocked) return;
    this.#isFlushing = true;
    // The other calls of this turn join the first.
    this.#init.clock.schedule(0, () => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  forget(attempt: Attempt): void {
    // Its room at the node is taken until that has answered.
    if (attempt.state === 'sent' && this.#open.delete(attempt.id)) this.#givenUp++;
    attempt.state = 'over';
  }

  close(error: QuorateError): void {
    if (this.#isOver) return;
    this.#stream.cancel();
    this.#end(error, 'lost');
  }

  #flush(): void {
    const nowMs = this.#init.clock.monotonicMs();
    while (this.#next < this.#queue.length && !this.#isBlocked && !this.#isOver) {
      while (
        this.#writer.bytes < messageBytes &&
        this.#open.size + this.#givenUp < this.#window.size
      ) {
        const attempt = this.#queue[this.#next];
        if (attempt === undefined) break;
        this.#next++;
        if (attempt.state !== 'queued' || this.#isTooLate(attempt, nowMs)) continue;
        this.#write(attempt, nowMs);
      }
      if (this.#writer.bytes === 0) break;
      this.#isBlocked = !this.#stream.write(this.#writer.finish());
    }
    // Without calls under way nobody would learn that the node is quick again.
    this.#isBacklogged = this.#next < this.#queue.length && this.#open.size + this.#givenUp > 0;
    this.#trimQueue();
  }

  /**
   * Whether the answer would come too late. Of a burst that is too much, or when a node has become
   * slow, calls wait here until shortly before their deadlines: to send them then would keep it busy
   * for nobody. See `backlog.ts` for those that are not let in.
   */
  #isTooLate(attempt: Attempt, nowMs: number): boolean {
    return attempt.deadlineMs <= nowMs + (this.#isBacklogged ? this.#window.answerMs : 0);
  }

  #trimQueue(): void {
    if (this.#next < this.#queue.length && this.#next <= trimmedAfter) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #write(attempt: Attempt, nowMs: number): void {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#open.has(this.#lastId));
    attempt.id = this.#lastId;
    attempt.state = 'sent';
    attempt.sentAtMs = nowMs;
    this.#open.set(attempt.id, attempt);
    this.#writer.add(attempt.id, attempt.outgoing, Math.ceil(attempt.deadlineMs - nowMs));
  }

  #onMessage(message: Buffer): void {
    if (this.#isOver) return;
    const reader = new PipelineAnswerReader(message);
    const answer = new PipelinedAnswer(reader, this.#init.clock.monotonicMs());
    let answers = 0;
    let waitedMs: number | undefined;
    try {
      while (reader.next()) {
        const attempt = this.#open.get(reader.id);
        answers++;
        if (attempt === undefined) {
          if (this.#givenUp > 0) this.#givenUp--;
          continue;
        }
        this.#open.delete(reader.id);
        attempt.state = 'over';
        if (waitedMs === undefined) {
          waitedMs = answer.atMs - attempt.queuedAtMs;
          this.#onLatency(answer.atMs - attempt.sentAtMs, answer.atMs);
        }
        if (reader.kind !== 'error') attempt.onAnswer(answer);
        else {
          const error = reader.error(attempt.outgoing.kind !== 'get');
          attempt.onFailure({ fate: 'refused', error });
        }
      }
    } catch (error: unknown) {
      this.close(QuorateError.from(error));
    }
    this.#init.onAnswers(answers, waitedMs);
    this.#flushRest();
  }

  #onLatency(ms: number, nowMs: number): void {
    this.#window.answered(ms, nowMs);
    this.#init.onLatency(ms);
  }

  /** There is room for what waits. */
  #flushRest(): void {
    if (this.#next < this.#queue.length && !this.#isFlushing) this.#flush();
  }

  #onEnd(error: QuorateError | undefined): void {
    if (this.#isOver) return;
    if (error !== undefined) this.#end(error, 'lost');
    else {
      const details = { reason: 'the node is about to stop' };
      this.#end(new QuorateError('NODE_NOT_READY', details), 'unsent');
    }
  }

  #end(cause: QuorateError, fateOfSent: 'unsent' | 'lost'): void {
    this.#isOver = true;
    const sent = [...this.#open.values()];
    const unsent = this.#queue.slice(this.#next).filter(({ state }) => state === 'queued');
    this.#open.clear();
    this.#queue = [];
    this.#next = 0;
    this.#init.onEnd(cause);
    for (const attempt of sent) {
      attempt.state = 'over';
      const mayHaveApplied = fateOfSent === 'lost' && attempt.outgoing.kind !== 'get';
      attempt.onFailure({ fate: fateOfSent, error: connectionFailed(cause, mayHaveApplied) });
    }
    for (const attempt of unsent) {
      attempt.state = 'over';
      attempt.onFailure({ fate: 'unsent', error: connectionFailed(cause, false) });
    }
  }
}

function connectionFailed(cause: QuorateError, mayHaveApplied: boolean): QuorateError {
  const reason = String(cause.details['reason'] ?? cause.message);
  return new QuorateError('CONNECTION_FAILED', { mayHaveApplied, reason }, undefined, { cause });
}

/** The answer that a reader is at. */
class PipelinedAnswer implements CallAnswer {
  readonly atMs: number;
  readonly #reader: PipelineAnswerReader;

  constructor(reader: PipelineAnswerReader, atMs: number) {
    this.atMs = atMs;
    this.#reader = reader;
  }

  value(): PlainValue | undefined {
    return this.#reader.value();
  }

  entry(): GetAnswer {
    return getAnswer(this.#reader.read());
  }

  written(): WriteAnswer {
    return writeAnswer(this.#reader.written());
  }
}
