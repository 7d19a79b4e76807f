import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Deadline, Deadlines } from '../../runtime/deadlines.ts';
import type { Random } from '../../runtime/random.ts';
import type { OutgoingCall } from '../../wire/pipeline-call-codec.ts';
import type { Attempt, CallAnswer, Failure } from './attempt.ts';
import type { ClusterLinks } from './cluster-links.ts';
import type { Latencies } from './latencies.ts';
import type { NodeLink } from './node-link.ts';
import type { OpenCall } from './open-call.ts';
import type { RetryBudget } from './retry-budget.ts';
import { backoffMs, speaksAgainstNode, verdictOf } from './retry-policy.ts';
import { SecondAttempt } from './second-attempt.ts';
import type { SlowReads } from './slow-reads.ts';

/** What the calls of a client share. */
export interface CallSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: Pick<ClusterLinks, 'choose' | 'isAnyUp' | 'problem'>;
  readonly deadlines: Deadlines<OpenCall>;
  /** Knows when reads without an answer are slow; `undefined` where that is not wanted. */
  readonly slowReads: SlowReads | undefined;
  readonly latencies: Latencies;
  readonly budget: RetryBudget;
  /** Those that no node can take now. */
  readonly waiting: Set<OpenCall>;
  /** Ends a call for which there is too much to do. */
  readonly refuse: (reject: (error: QuorateError) => void, error: QuorateError) => void;
  /** Told of each call that ends. */
  readonly onOver: () => void;
}

/** What is wanted, and until when. */
export interface CallInit<Result> {
  readonly outgoing: OutgoingCall;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Takes the result out of the answer. */
  readonly take: (answer: CallAnswer) => Result;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: QuorateError) => void;
}

/**
 * One call until its outcome: sends it to a node, and where that fails to another, later or not at
 * all, as `retry-policy.ts` says. It is its own attempt, one after the other; a read that is slow
 * has a second one beside it, a write never has.
 */
export class Call<Result> implements Attempt, OpenCall {
  readonly outgoing: OutgoingCall;
  readonly deadlineMs: number;
  state: Attempt['state'] = 'queued';
  id = 0;
  queuedAtMs = 0;
  sentAtMs = 0;
  readonly #init: CallInit<Result>;
  readonly #around: CallSurroundings;
  #isOver = false;
  /** Where the attempt is under way, if it is. */
  #link: NodeLink | undefined;
  #second: SecondAttempt | undefined;
  /** Nodes that failed it in this round. */
  #failed = noLinks;
  #tries = 0;
  #lastError: QuorateError | undefined;
  #deadline: Deadline<OpenCall> | undefined;
  #timer: Timer | undefined;
  #onAbort: (() => void) | undefined;

  constructor(around: CallSurroundings, init: CallInit<Result>) {
    this.#around = around;
    this.#init = init;
    this.outgoing = init.outgoing;
    this.deadlineMs = init.deadlineMs;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends it, or has it wait for a node. */
  start(nowMs: number): void {
    const { signal } = this.#init;
    if (signal?.aborted) return this.#cancel(signal);
    this.#dispatch(nowMs);
    if (this.#isOver) return;
    this.#deadline = this.#around.deadlines.add(this, this.deadlineMs);
    if (signal === undefined) return;
    this.#onAbort = () => this.#cancel(signal);
    signal.addEventListener('abort', this.#onAbort);
  }

  onNode(nowMs: number): void {
    this.#around.waiting.delete(this);
    this.#dispatch(nowMs);
  }

  onSlow(): void {
    if (this.#link === undefined || this.#second !== undefined) return;
    const { links, clock, budget } = this.#around;
    const nowMs = clock.monotonicMs();
    const link = links.choose(this, [...this.#failed, this.#link], nowMs);
    if (link === undefined || link.isTooBusyFor(this.deadlineMs - nowMs)) return;
    if (!budget.withdraw(nowMs)) return;
    this.#second = new SecondAttempt(this, link, {
      onAnswer: (answer, sentAtMs) => this.#done(answer, sentAtMs),
      onFailure: (failure) => {
        this.#second = undefined;
        this.#onFailure(link, failure);
      },
    });
    link.send(this.#second, nowMs);
  }

  onDeadline(): void {
    this.#deadline = undefined;
    this.#fail(this.#tooLate());
  }

  onAnswer(answer: CallAnswer): void {
    this.#done(answer, this.sentAtMs);
  }

  onFailure(failure: Failure): void {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) this.#onFailure(link, failure);
  }

  get #isWrite(): boolean {
    return this.outgoing.kind !== 'get';
  }

  get #isUnderWay(): boolean {
    return this.#link !== undefined || this.#second !== undefined;
  }

  get #isSent(): boolean {
    if (this.#second?.state === 'sent') return true;
    return this.#link !== undefined && this.state === 'sent';
  }

  /** Sends it to the best node that has not failed it, or has it wait for one. */
  #dispatch(nowMs: number): void {
    const { links, waiting } = this.#around;
    const link = links.choose(this, this.#failed, nowMs);
    if (link !== undefined) return this.#send(link, nowMs);
    this.#failed = noLinks;
    waiting.add(this);
  }

  #send(link: NodeLink, nowMs: number): void {
    const leftMs = this.deadlineMs - nowMs;
    if (link.isTooBusyFor(leftMs)) return this.#refuse(link.tooBusy(leftMs));
    this.#link = link;
    this.state = 'queued';
    if (!this.#isWrite) this.#around.slowReads?.watch(this, nowMs);
    link.send(this, nowMs);
  }

  #done(answer: CallAnswer, sentAtMs: number): void {
    if (this.#isOver) return;
    const { budget, latencies } = this.#around;
    budget.deposit();
    if (!this.#isWrite) latencies.add(answer.atMs - sentAtMs);
    this.#end();
    try {
      this.#init.resolve(this.#init.take(answer));
    } catch (error: unknown) {
      this.#init.reject(QuorateError.from(error));
    }
  }

  #onFailure(link: NodeLink, failure: Failure): void {
    if (this.#isOver) return;
    const { clock, links } = this.#around;
    const nowMs = clock.monotonicMs();
    if (speaksAgainstNode(failure, this.outgoing.level)) link.score.failed(nowMs);
    this.#failed = [...this.#failed, link];
    this.#lastError = failure.error;
    // The other attempt may still do it.
    if (this.#isUnderWay) return;
    const verdict = verdictOf(failure, this.#isWrite);
    if (verdict === 'final') return this.#fail(failure.error);
    if (verdict === 'later') return this.#tryLater(failure, nowMs);
    const other = links.choose(this, this.#failed, nowMs);
    if (other !== undefined) this.#send(other, nowMs);
    else if (links.isAnyUp) this.#tryLater(failure, nowMs);
    else this.#dispatch(nowMs);
  }

  #tryLater(failure: Failure, nowMs: number): void {
    const { budget, clock, random, links } = this.#around;
    const delayMs = backoffMs(failure, this.#tries++, random);
    if (nowMs + delayMs >= this.deadlineMs || !budget.withdraw(nowMs)) {
      return this.#fail(failure.error);
    }
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = undefined;
      // Any other node rather than the last one, but that one rather than none.
      const last = this.#failed.slice(-1);
      const atMs = clock.monotonicMs();
      const isOther = links.choose(this, last, atMs) !== undefined;
      this.#failed = isOther ? last : noLinks;
      this.#dispatch(atMs);
    });
  }

  #cancel({ reason }: AbortSignal): void {
    const mayHaveApplied = this.#isWrite && this.#isSent;
    const cause: unknown = reason;
    this.#fail(new QuorateError('CANCELLED', { mayHaveApplied }, undefined, { cause }));
  }

  #tooLate(): QuorateError {
    const isSent = this.#isSent;
    if (!isSent && this.#lastError !== undefined) return this.#lastError;
    if (!this.#isUnderWay) {
      const reason = this.#around.links.problem;
      return new QuorateError('NO_COORDINATOR', { mayHaveApplied: false, reason });
    }
    const reason = isSent ? 'no answer in time' : 'it waited too long for others to be sent';
    if (!this.#isWrite) return new QuorateError('READ_TIMEOUT', { reason });
    return new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: isSent, reason });
  }

  /** Ends it without a result. */
  #fail(error: QuorateError): void {
    if (this.#isOver) return;
    this.#end();
    this.#init.reject(error);
  }

  #refuse(error: QuorateError): void {
    this.#end();
    this.#around.refuse(this.#init.reject, error);
  }

  #end(): void {
    this.#isOver = true;
    const { deadlines, waiting, onOver } = this.#around;
    deadlines.remove(this.#deadline);
    if (this.#onAbort !== undefined) {
      this.#init.signal?.removeEventListener('abort', this.#onAbort);
    }
    this.#timer?.cancel();
    if (waiting.size > 0) waiting.delete(this);
    if (this.state !== 'over') this.#link?.forget(this);
    if (this.#second?.state !== 'over') this.#second?.link.forget(this.#second);
    onOver();
  }
}

const noLinks: readonly NodeLink[] = [];
