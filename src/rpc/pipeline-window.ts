import type { PipelineAnswer } from '../wire/pipeline-answer-codec.ts';
import { answerBytes } from '../wire/pipeline-answer-codec.ts';
import { pipelineBytesMax, pipelineCallsMax } from './limits.ts';

/**
 * How much of one pipeline a node has taken on: calls from when they were read until the stream has
 * taken their answers, with the bytes of both. How large the answer to a get will be is known only
 * when it is there, so one to come counts as the largest of late: a client that asks for thousands
 * of large values and does not read them would else fill the memory.
 */
export class PipelineWindow {
  #calls = 0;
  #bytes = 0;
  #expectedBytes = firstExpectedBytes;

  /** Whether one more call may be taken. */
  get hasRoom(): boolean {
    return this.#calls < pipelineCallsMax && this.#bytes < pipelineBytesMax;
  }

  /** A call is taken. */
  take(callBytes: number): number {
    const bytes = callBytes + this.#expectedBytes;
    this.#calls++;
    this.#bytes += bytes;
    return bytes;
  }

  /** The answer to a call is there. @param reserved what {@link take} gave. */
  answered(reserved: number, answer: PipelineAnswer): number {
    const bytes = answerBytes(answer);
    this.#bytes += bytes - reserved;
    const forgotten = this.#expectedBytes * forgetting;
    this.#expectedBytes = Math.max(bytes, Math.floor(forgotten));
    return bytes;
  }

  /** The stream has taken an answer. @param bytes what {@link answered} gave. */
  release(bytes: number): void {
    this.#calls--;
    this.#bytes -= bytes;
  }
}

/** Until the first answers show their size. */
const firstExpectedBytes = 256 * 1024;
const forgetting = 0.95;
