import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { outgoingToPlain } from '../../wire/pipeline-call-codec.ts';
import type { GetAnswer } from '../answers.ts';
import type { Attempt, CallAnswer, Sender } from './attempt.ts';
import type { Connection } from './connection.ts';

/** Each call by itself: for networks whose proxies know only plain calls. Much slower. */
export interface UnarySenderInit {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly onLatency: (ms: number) => void;
  readonly onAnswers: (answers: number, waitedMs: number | undefined) => void;
  /** The connection failed. */
  readonly onEnd: (error: QuorateError) => void;
}

export class UnarySender implements Sender {
  readonly #init: UnarySenderInit;
  readonly #open = new Set<Attempt>();
  #givenUp = 0;
  #isOver = false;

  constructor(init: UnarySenderInit) {
    this.#init = init;
  }

  get pending(): number {
    return this.#open.size;
  }

  get givenUp(): number {
    return this.#givenUp;
  }

  send(attempt: Attempt): void {
    const { clock, onLatency, onAnswers } = this.#init;
    const nowMs = clock.monotonicMs();
    attempt.state = 'sent';
    attempt.sentAtMs = nowMs;
    this.#open.add(attempt);
    this.#call(attempt, attempt.deadlineMs - nowMs).then(
      (answer) => {
        if (!this.#take(attempt)) return this.#onUnwanted();
        const atMs = clock.monotonicMs();
        onLatency(atMs - nowMs);
        onAnswers(1, atMs - nowMs);
        attempt.onAnswer(answerOf(answer, atMs));
      },
      (thrown: unknown) => {
        if (this.#take(attempt)) this.#onError(attempt, QuorateError.from(thrown));
        else this.#onUnwanted();
      },
    );
  }

  forget(attempt: Attempt): void {
    if (this.#take(attempt)) this.#givenUp++;
  }

  /** The calls that are open end with their connection. */
  close(): void {
    this.#isOver = true;
  }

  /** @returns whether somebody waits for it. */
  #take(attempt: Attempt): boolean {
    attempt.state = 'over';
    return this.#open.delete(attempt);
  }

  #onUnwanted(): void {
    this.#givenUp--;
    this.#init.onAnswers(1, undefined);
  }

  #onError(attempt: Attempt, error: QuorateError): void {
    const isClosed = this.#isOver && error.code === 'CANCELLED';
    const isLost = isClosed || error.code === 'CONNECTION_FAILED';
    if (isLost && !this.#isOver) {
      this.#isOver = true;
      this.#init.onEnd(error);
    }
    if (!isLost) this.#init.onAnswers(1, undefined);
    attempt.onFailure({ fate: isLost ? 'lost' : 'refused', error });
  }

  async #call({ outgoing: call }: Attempt, timeoutMs: number): Promise<GetAnswer> {
    const { connection } = this.#init;
    const { key, value, ttlMs } = call;
    const options = { timeoutMs, consistency: call.level, explain: call.isExplained };
    if (call.kind === 'get') return connection.get(key, options);
    const written =
      value === undefined
        ? await connection.delete(key, options)
        : await connection.put(key, outgoingToPlain(value), { ...options, ttlMs });
    return { ...written, value: undefined, expireTimeMs: undefined };
  }
}

function answerOf(answer: GetAnswer, atMs: number): CallAnswer {
  return { atMs, value: () => answer.value, entry: () => answer, written: () => answer };
}
