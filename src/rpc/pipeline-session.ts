import { QuorateError } from '../base/quorate-error.ts';
import type { ReadRequest, ReadResult, WriteRequest, WriteResult } from '../coordinator/request.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { encodeAnswers, type PipelineAnswer } from '../wire/pipeline-answer-codec.ts';
import { type PipelineCall, PipelineCallReader } from '../wire/pipeline-call-codec.ts';
import type { DomainRequest } from '../wire/request-form.ts';
import { answerWithinMs, narrowed, timeoutMsDefault } from './call-context.ts';
import { pipelineMessageBytes } from './limits.ts';
import { PipelineWindow } from './pipeline-window.ts';

/**
 * One pipeline: takes calls out of messages as long as there is room, hands each to the
 * coordinator, and gathers the answers of a turn into one message.
 *
 * Messages are read no further while there is no room, so that the flow control of HTTP/2 reaches
 * the client; answers that the client does not read keep their room. It ends with OK only when all
 * calls that it has taken are answered: the rest was never looked at.
 */
export interface PipelineStream {
  /** Sends a message. @returns whether more may be sent before `onDrain`. */
  write(message: Buffer): boolean;
  /** Wants no more messages until `resume`; some may be on their way. */
  pause(): void;
  resume(): void;
  /** Ends the stream with OK after what was sent. */
  end(): void;
  /** Ends the stream with an error. */
  fail(error: QuorateError): void;
}

/** What a pipeline asks of the coordinator. */
interface PipelineCoordinator {
  get(request: ReadRequest): Promise<ReadResult>;
  write(request: WriteRequest): Promise<WriteResult>;
}

export interface PipelineComponents {
  readonly clock: Clock;
  readonly coordinator: PipelineCoordinator;
  readonly logger: Logger;
}

/** A message of which calls are left. */
interface WaitingMessage {
  readonly calls: PipelineCallReader;
  readonly arrivedAtMs: number;
}

export class PipelineSession {
  readonly #components: PipelineComponents;
  readonly #stream: PipelineStream;
  readonly #window = new PipelineWindow();
  #waiting: WaitingMessage[] = [];
  /** The calls without an answer, and how to stop the reads among them. */
  readonly #open = new Map<number, (() => void) | undefined>();
  #answers: PipelineAnswer[] = [];
  /** How many bytes each of the answers takes. */
  #answerBytes: number[] = [];
  #isFlushing = false;
  #isBlocked = false;
  #isPaused = false;
  #isHalfClosed = false;
  #isEnding = false;
  #isOver = false;

  constructor(components: PipelineComponents, stream: PipelineStream) {
    this.#components = components;
    this.#stream = stream;
  }

  onMessage(message: Buffer): void {
    if (this.#isEnding || this.#isOver) return;
    const calls = new PipelineCallReader(message);
    this.#waiting.push({ calls, arrivedAtMs: this.#components.clock.monotonicMs() });
    this.#work();
  }

  /** The client takes messages again. */
  onDrain(): void {
    this.#isBlocked = false;
    this.#flush();
  }

  /** The client sends no more. */
  onHalfClose(): void {
    if (this.#waiting.length === 0) this.stop();
    else this.#isHalfClosed = true;
  }

  /** Takes no more calls, answers those that were taken, and ends the stream. */
  stop(): void {
    this.#isEnding = true;
    this.#waiting = [];
    this.#endIfDone();
  }

  /** The stream is over; nobody waits for answers. */
  onClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    for (const cancel of this.#open.values()) cancel?.();
    this.#open.clear();
  }

  /** Takes calls while there is room for them. */
  #work(): void {
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      if (!this.#window.hasRoom) break;
      let call: PipelineCall | undefined;
      try {
        call = message.calls.next();
      } catch (error: unknown) {
        return this.#fail(error);
      }
      if (call === undefined) this.#waiting.shift();
      else this.#take(call, message.arrivedAtMs);
    }
    const isFull = this.#waiting.length > 0;
    if (!isFull && this.#isHalfClosed) return this.stop();
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#stream.pause();
    else this.#stream.resume();
  }

  #take(call: PipelineCall, arrivedAtMs: number): void {
    const { id } = call;
    const reserved = this.#window.take(call.bytes);
    if (this.#open.has(id)) {
      const details = { field: 'id', mayHaveApplied: false };
      const message = `the call ${id} of this stream has no answer yet: take another id`;
      const error = new QuorateError('INVALID_ARGUMENT', details, message);
      return this.#answer(reserved, { id, kind: 'error', error });
    }
    this.#open.set(id, undefined);
    let request: DomainRequest;
    try {
      request = call.request();
    } catch (thrown: unknown) {
      return this.#onError(id, reserved, thrown);
    }
    const waitedMs = this.#components.clock.monotonicMs() - arrivedAtMs;
    const timeoutMs = answerWithinMs((call.timeoutMs || timeoutMsDefault) - waitedMs);
    this.#start(id, reserved, request, timeoutMs);
  }

  #start(id: number, reserved: number, request: DomainRequest, timeoutMs: number): void {
    const { coordinator } = this.#components;
    const { key, level, isExplained, kind } = request;
    if (kind === 'get') {
      const onCancel = (cancel: () => void) => {
        this.#open.set(id, cancel);
      };
      coordinator.get({ key, level, isExplained, timeoutMs, onCancel }).then(
        (result) => this.#close(id, reserved, { id, kind, result }),
        (error: unknown) => this.#onError(id, reserved, error),
      );
      return;
    }
    const value = kind === 'put' ? request.value : undefined;
    const ttlMs = kind === 'put' ? request.ttlMs : undefined;
    coordinator.write({ key, level, isExplained, timeoutMs, value, ttlMs }).then(
      (result) => this.#close(id, reserved, { id, kind, result }),
      (error: unknown) => this.#onError(id, reserved, error),
    );
  }

  #onError(id: number, reserved: number, thrown: unknown): void {
    const error = narrowed(thrown, this.#components.logger);
    this.#close(id, reserved, { id, kind: 'error', error });
  }

  #close(id: number, reserved: number, answer: PipelineAnswer): void {
    if (this.#isOver) return;
    this.#open.delete(id);
    this.#answer(reserved, answer);
  }

  #answer(reserved: number, answer: PipelineAnswer): void {
    this.#answers.push(answer);
    this.#answerBytes.push(this.#window.answered(reserved, answer));
    if (this.#isFlushing || this.#isBlocked) return;
    this.#isFlushing = true;
    // The other answers of this turn join the first.
    this.#components.clock.schedule(0, () => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    let from = 0;
    while (from < this.#answers.length && !this.#isBlocked && !this.#isOver) {
      // What is too long for others goes alone, and so fits if its value could come.
      let bytes = this.#answerBytes[from] ?? 0;
      let to = from + 1;
      while (to < this.#answers.length) {
        bytes += this.#answerBytes[to] ?? 0;
        if (bytes > pipelineMessageBytes) break;
        to++;
      }
      this.#isBlocked = !this.#stream.write(encodeAnswers(this.#answers.slice(from, to)));
      for (; from < to; from++) this.#window.release(this.#answerBytes[from] ?? 0);
    }
    this.#answers = this.#answers.slice(from);
    this.#answerBytes = this.#answerBytes.slice(from);
    if (this.#isOver) return;
    if (this.#isEnding) this.#endIfDone();
    else this.#work();
  }

  #endIfDone(): void {
    if (this.#isOver || this.#open.size > 0 || this.#answers.length > 0) return;
    this.#isOver = true;
    this.#stream.end();
  }

  #fail(thrown: unknown): void {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    this.onClosed();
    // Calls before it in the stream may have been taken, writes among them.
    this.#stream.fail(new QuorateError('INVALID_ARGUMENT', { reason }));
  }
}
