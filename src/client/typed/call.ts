import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import type { OutgoingCall } from '../../wire/pipeline-call-codec.ts';
import type { Attempt, CallAnswer, Failure } from './attempt.ts';
import type { ClusterLinks } from './cluster-links.ts';
import type { Bucket, Deadlines } from './deadlines.ts';
import type { Latencies } from './latencies.ts';
import type { NodeLink } from './node-link.ts';
import type { RetryBudget } from './retry-budget.ts';
import { backoffMs, verdictOf } from './retry-policy.ts';

/** What the calls of a client share. */
export interface CallSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: Pick<ClusterLinks, 'choose' | 'isAnyUp' | 'problem'>;
  readonly deadlines: Deadlines<Call>;
  /** When reads without an answer are slow. */
  readonly slowReads: Deadlines<Call>;
  readonly latencies: Latencies;
  readonly budget: RetryBudget;
  /** Those that no node can take now. */
  readonly waiting: Set<Call>;
  readonly isHedging: boolean;
  /** Told of each call that ends. */
  readonly onOver: () => void;
}

/** What is wanted, and until when. */
export interface CallInit {
  readonly outgoing: OutgoingCall;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Takes its result out of the answer; what it throws is the error of the call. */
  readonly resolve: (answer: CallAnswer) => void;
  readonly reject: (error: QuorateError) => void;
}

/**
 * One call until its outcome: sends it to a node, and where that fails to another, later or not at
 * all, as `retry-policy.ts` says. A read may be under way to two nodes; a write never is.
 */
export class Call {
  readonly init: CallInit;
  readonly #around: CallSurroundings;
  #isOver = false;
  /** The one under way. */
  #first: NodeAttempt | undefined;
  /** The other one under way, of a read that is slow. */
  #second: NodeAttempt | undefined;
  /** Nodes that failed it in this round. */
  #failed = noLinks;
  #tries = 0;
  #lastError: QuorateError | undefined;
  #deadline: Bucket<Call> | undefined;
  #slow: Bucket<Call> | undefined;
  #timer: Timer | undefined;
  #onAbort: (() => void) | undefined;

  constructor(around: CallSurroundings, init: CallInit) {
    this.#around = around;
    this.init = init;
  }

  get isWrite(): boolean {
    return this.init.outgoing.kind !== 'get';
  }

  /** Sends it, or has it wait for a node. */
  start(nowMs: number): void {
    const { deadlineMs, signal } = this.init;
    this.#deadline = this.#around.deadlines.add(this, deadlineMs);
    if (signal !== undefined) {
      if (signal.aborted) return this.#cancel(signal);
      this.#onAbort = () => this.#cancel(signal);
      signal.addEventListener('abort', this.#onAbort);
    }
    this.dispatch(nowMs);
  }

  /** Sends it to the best node that has not failed it. */
  dispatch(nowMs: number): void {
    const { links, waiting } = this.#around;
    const { key } = this.init.outgoing;
    const link = links.choose(key, this.#failed, nowMs);
    if (link !== undefined) return this.#send(link, nowMs);
    this.#failed = noLinks;
    waiting.add(this);
  }

  /** A node has come up. */
  onNode(nowMs: number): void {
    this.#around.waiting.delete(this);
    this.dispatch(nowMs);
  }

  /** The answer takes long: asks another node as well. */
  onSlow(): void {
    const { links, clock, budget } = this.#around;
    this.#slow = undefined;
    if (this.#first === undefined || this.#second !== undefined) return;
    const nowMs = clock.monotonicMs();
    const avoided = [...this.#failed, this.#first.link];
    const link = links.choose(this.init.outgoing.key, avoided, nowMs);
    if (link === undefined || !budget.withdraw(nowMs)) return;
    this.#second = new NodeAttempt(this, link);
    link.send(this.#second, nowMs);
  }

  onDeadline(): void {
    this.#deadline = undefined;
    this.#fail(this.#tooLate());
  }

  onAnswer(attempt: NodeAttempt, answer: CallAnswer): void {
    if (this.#isOver) return;
    const { budget, latencies } = this.#around;
    budget.deposit();
    if (!this.isWrite) latencies.add(answer.atMs - attempt.sentAtMs);
    this.#end();
    try {
      this.init.resolve(answer);
    } catch (error: unknown) {
      this.init.reject(QuorateError.from(error));
    }
  }

  onFailure(attempt: NodeAttempt, failure: Failure): void {
    if (this.#isOver) return;
    const { clock } = this.#around;
    const nowMs = clock.monotonicMs();
    if (failure.fate === 'refused' && failure.error.retryable) attempt.link.score.failed(nowMs);
    this.#first = this.#first === attempt ? this.#second : this.#first;
    this.#second = undefined;
    this.#failed = [...this.#failed, attempt.link];
    this.#lastError = failure.error;
    // The other one may still do it.
    if (this.#first !== undefined) return;
    const verdict = verdictOf(failure, this.isWrite);
    if (verdict === 'final') return this.#fail(failure.error);
    if (verdict === 'later') return this.#tryLater(failure, nowMs);
    const link = this.#around.links.choose(this.init.outgoing.key, this.#failed, nowMs);
    if (link !== undefined) this.#send(link, nowMs);
    else if (this.#around.links.isAnyUp) this.#tryLater(failure, nowMs);
    else this.dispatch(nowMs);
  }

  #send(link: NodeLink, nowMs: number): void {
    const { isHedging, latencies, slowReads } = this.#around;
    this.#first = new NodeAttempt(this, link);
    const { slowMs } = latencies;
    if (isHedging && !this.isWrite && slowMs !== undefined && this.#slow === undefined) {
      const atMs = nowMs + Math.max(slowMs, hedgeMsMin);
      if (atMs < this.init.deadlineMs) this.#slow = slowReads.add(this, atMs);
    }
    link.send(this.#first, nowMs);
  }

  #tryLater(failure: Failure, nowMs: number): void {
    const { budget, clock, random } = this.#around;
    const delayMs = backoffMs(failure, this.#tries++, random);
    if (nowMs + delayMs >= this.init.deadlineMs || !budget.withdraw(nowMs)) {
      return this.#fail(failure.error);
    }
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = undefined;
      // Any other node rather than the last one, but that one rather than none.
      const last = this.#failed.slice(-1);
      const { links } = this.#around;
      const atMs = clock.monotonicMs();
      this.#failed =
        links.choose(this.init.outgoing.key, last, atMs) === undefined ? noLinks : last;
      this.dispatch(atMs);
    });
  }

  #cancel({ reason }: AbortSignal): void {
    const mayHaveApplied = this.isWrite && this.#isSent;
    const cause: unknown = reason;
    this.#fail(new QuorateError('CANCELLED', { mayHaveApplied }, undefined, { cause }));
  }

  get #isSent(): boolean {
    return this.#first?.state === 'sent' || this.#second?.state === 'sent';
  }

  #tooLate(): QuorateError {
    const isSent = this.#isSent;
    if (!isSent && this.#lastError !== undefined) return this.#lastError;
    if (this.#first === undefined) {
      const reason = this.#around.links.problem;
      return new QuorateError('NO_COORDINATOR', { mayHaveApplied: false, reason });
    }
    const reason = isSent ? 'no answer in time' : 'it waited too long for others to be sent';
    if (!this.isWrite) return new QuorateError('READ_TIMEOUT', { reason });
    return new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: isSent, reason });
  }

  /** Ends it without a result. */
  #fail(error: QuorateError): void {
    if (this.#isOver) return;
    this.#end();
    this.init.reject(error);
  }

  #end(): void {
    this.#isOver = true;
    const { deadlines, slowReads, waiting, onOver } = this.#around;
    if (this.#deadline !== undefined) deadlines.remove(this, this.#deadline);
    if (this.#slow !== undefined) slowReads.remove(this, this.#slow);
    if (this.#onAbort !== undefined) {
      this.init.signal?.removeEventListener('abort', this.#onAbort);
    }
    this.#timer?.cancel();
    if (waiting.size > 0) waiting.delete(this);
    this.#first?.leave();
    this.#second?.leave();
    onOver();
  }
}

const noLinks: readonly NodeLink[] = [];
/** Below that a second try costs more than it gains. */
const hedgeMsMin = 2;

/** One sending of a call to a node. */
export class NodeAttempt implements Attempt {
  readonly link: NodeLink;
  readonly call: OutgoingCall;
  readonly deadlineMs: number;
  state: Attempt['state'] = 'queued';
  id = 0;
  sentAtMs = 0;
  readonly #owner: Call;

  constructor(owner: Call, link: NodeLink) {
    this.#owner = owner;
    this.link = link;
    this.call = owner.init.outgoing;
    this.deadlineMs = owner.init.deadlineMs;
  }

  /** Nobody waits for it any more. */
  leave(): void {
    if (this.state !== 'over') this.link.forget(this);
  }

  onAnswer(answer: CallAnswer): void {
    this.#owner.onAnswer(this, answer);
  }

  onFailure(failure: Failure): void {
    this.#owner.onFailure(this, failure);
  }
}
