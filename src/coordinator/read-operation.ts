import { QuorateError, type QuorateErrorCode } from '../base/quorate-error.ts';
import { repairsReads } from '../consistency/repair-mode.ts';
import { isOverdue, type ReplicaReply, type ReplicaRequest } from '../record/replica-messages.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Deadline } from '../runtime/deadlines.ts';
import type { CoordinatorOptions, Operation, OperationComponents } from './components.ts';
import { hasExpired } from './expiry.ts';
import {
  AnswerTimes,
  describeReplicas,
  type Explanation,
  type ReplicaState,
} from './explanation.ts';
import { ReadCore } from './read-core.ts';
import type { ReadRepair } from './read-repair.ts';
import type { ReplicaPlan } from './replica-plan.ts';
import type { ReadRequest, ReadResult } from './request.ts';

/**
 * The shell of one get: sends what ReadCore asks for, times it, and acts.
 *
 * It asks as many replicas as the level needs, and one more whenever an answer is slow; see
 * ReadPatience. In a mode that repairs reads the others are compared after the answer; see ReadRepair.
 */
export class ReadOperation implements Operation {
  readonly #components: OperationComponents;
  readonly #options: CoordinatorOptions;
  readonly #plan: ReplicaPlan;
  readonly #core: ReadCore;
  readonly #startMs: number;
  readonly #deadlineMs: number;
  readonly #onResult: (result: ReadResult) => void;
  readonly #onError: (error: QuorateError) => void;
  readonly #times: AnswerTimes | undefined;
  readonly #repair: ReadRepair | undefined;
  #isEnded = false;
  #isStepping = false;
  #deadline: Deadline<Operation> | undefined;
  #cancellation: Cancellation | undefined;
  #writeBacks = 0;

  constructor(
    components: OperationComponents,
    options: CoordinatorOptions,
    request: ReadRequest,
    plan: ReplicaPlan,
    onResult: (result: ReadResult) => void,
    onError: (error: QuorateError) => void,
  ) {
    this.#components = components;
    this.#options = options;
    this.#plan = plan;
    this.#core = new ReadCore(plan);
    this.#startMs = components.clock.monotonicMs();
    this.#deadlineMs = this.#startMs + request.timeoutMs;
    this.#onResult = onResult;
    this.#onError = onError;
    this.#times = request.isExplained ? new AnswerTimes() : undefined;
    this.#repair = repairsReads(options.mode) ? components.readRepair : undefined;
  }

  start(): void {
    const { readable, required, isLinearizable } = this.#plan;
    const values = isLinearizable ? 1 : required;
    // Answers of the own replica come before `send` returns; none counts before all were asked.
    this.#isStepping = true;
    for (const [index, node] of readable.slice(0, required).entries()) {
      this.#ask(node, index < values, this.#startMs);
    }
    this.#isStepping = false;
    this.#advance();
    if (!this.#isEnded) this.#arm(this.#startMs);
  }

  /** Stops waiting; the caller is gone. */
  cancel(): void {
    if (!this.#isEnded) this.#fail('CANCELLED', {});
  }

  /** What stops it early. It may be kept for long: after the end it holds nothing of the read. */
  canceller(): () => void {
    this.#cancellation ??= new Cancellation(this);
    return this.#cancellation.callback();
  }

  #arm(nowMs: number): void {
    const { deadlines, readPatience } = this.#components;
    const isMoreToAsk = this.#core.nextToAsk() !== undefined;
    const atMs = isMoreToAsk ? nowMs + readPatience.ms : this.#deadlineMs;
    this.#deadline = deadlines.add(this, Math.min(atMs, this.#deadlineMs));
  }

  #ask(node: string, isValueWanted: boolean, nowMs: number): void {
    this.#core.markAsked(node);
    const operation = isValueWanted ? 'read-value' : 'read-version';
    this.#send(node, { operation, key: this.#plan.key }, (reply) => {
      const { clock, readPatience } = this.#components;
      // The own replica's answer comes while the others are still being asked.
      const isRemote = !this.#isStepping && reply.outcome === 'ok';
      if (isRemote) readPatience.answered(clock.monotonicMs() - nowMs);
      this.#onReply(node, reply);
    });
  }

  #send(node: string, request: ReplicaRequest, onReply: (reply: ReplicaReply) => void): void {
    const { clock, replicas } = this.#components;
    this.#times?.asked(node, clock.monotonicMs());
    replicas.clientOf(node).send(request, this.#deadlineMs, onReply);
  }

  #onReply(node: string, reply: ReplicaReply, isFetch = false): void {
    if (this.#isEnded) return;
    if (isOverdue(reply)) return this.onDeadline();
    this.#times?.answered(node, this.#components.clock.monotonicMs());
    if (reply.outcome === 'ok' && isFetch) {
      this.#core.addFetched(node, reply.version, reply.record);
    } else if (reply.outcome === 'ok') this.#core.addHeld(node, reply.version, reply.record);
    else this.#core.addFailure(node);
    this.#advance();
  }

  #advance(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    while (!this.#isEnded && this.#act());
    this.#isStepping = false;
  }

  /** Does what the core wants. @returns whether there may be more to do at once. */
  #act(): boolean {
    const step = this.#core.step();
    switch (step.kind) {
      case 'wait':
        return false;
      case 'ask':
        this.#ask(step.node, true, this.#components.clock.monotonicMs());
        return true;
      case 'fetch':
        this.#core.markFetching(step.node);
        this.#send(step.node, { operation: 'read-value', key: this.#plan.key }, (reply) =>
          this.#onReply(step.node, reply, true),
        );
        return true;
      case 'write-back':
        for (const node of step.nodes) {
          this.#core.markWrittenBack(node, step.record.version);
          this.#writeBacks++;
          const { record } = step;
          this.#send(node, { operation: 'spread', key: this.#plan.key, record }, (reply) =>
            this.#onReply(node, reply),
          );
        }
        return true;
      case 'answer':
        this.#answer(step.record);
        return false;
      case 'unreachable':
        // Requests that were too late to be sent are no failure of their replicas.
        if (this.#components.clock.monotonicMs() >= this.#deadlineMs)
          this.#fail('READ_TIMEOUT', {});
        else this.#fail('REPLICA_FAILURE', { failed: this.#core.failed, mayHaveApplied: false });
        return false;
    }
  }

  #answer(newest: VersionedValue | undefined): void {
    const expireTimeMs = newest?.value?.expireTimeMs;
    let record = newest;
    if (newest !== undefined && expireTimeMs !== undefined) {
      const isExpired = hasExpired(this.#components, expireTimeMs);
      if (isExpired === undefined) return this.#failToJudge();
      if (isExpired) record = { version: newest.version, value: undefined };
    }
    this.#end();
    const repairsStarted = this.#repair === undefined ? 0 : this.#heal(this.#repair, newest);
    this.#onResult({
      record,
      expireTimeMs,
      explanation: this.#times && this.#explain(this.#times, repairsStarted),
    });
  }

  /** @returns how many replicas are sent what they have missed. */
  #heal(repair: ReadRepair, newest: VersionedValue | undefined): number {
    const { key, readable } = this.#plan;
    const stale = this.#core.stale();
    const unheard = readable.filter(
      (node) => !this.#core.hasAnswered(node) && !this.#core.hasFailed(node),
    );
    if (stale.length > 0 || unheard.length > 0) {
      const holder = this.#core.holderOfNewest();
      repair.heal({ key, newest, holder, stale, unheard, readable });
    }
    return stale.length;
  }

  /** Its time is over, or an answer is slow. */
  onDeadline(): void {
    if (this.#isEnded) return;
    const nowMs = this.#components.clock.monotonicMs();
    if (nowMs >= this.#deadlineMs) return this.#fail('READ_TIMEOUT', {});
    const node = this.#core.nextToAsk();
    if (node !== undefined) this.#ask(node, !this.#plan.isLinearizable, nowMs);
    if (!this.#isEnded) this.#arm(nowMs);
  }

  #failToJudge(): void {
    const { node } = this.#options;
    const sentence = `the value expires, and the clock of ${node} does not agree with those of the others or was not compared with enough of them yet: ask another node, or try again`;
    this.#fail('CLOCK_SKEW', {}, sentence);
  }

  #fail(
    code: QuorateErrorCode,
    details: Record<string, number | boolean>,
    sentence?: string,
  ): void {
    this.#end();
    const waiting = code === 'READ_TIMEOUT' ? 'timed-out' : 'pending';
    const error = {
      required: this.#plan.required,
      received: this.#core.received,
      ...details,
      replicas: describeReplicas(this.#plan, (node) => this.#state(node, waiting)),
    };
    this.#onError(new QuorateError(code, error, sentence));
  }

  #end(): void {
    this.#isEnded = true;
    this.#cancellation?.end();
    this.#components.deadlines.remove(this.#deadline);
  }

  #state(node: string, waiting: ReplicaState): ReplicaState {
    if (!this.#plan.readable.includes(node)) return 'down';
    if (this.#core.hasFailed(node)) return 'failed';
    if (this.#core.hasAnswered(node)) return 'answered';
    return this.#core.wasAsked(node) ? waiting : 'not-asked';
  }

  #explain(times: AnswerTimes, repairsStarted: number): Explanation {
    return {
      coordinator: this.#options.node,
      ringEpoch: this.#plan.ringEpoch,
      token: this.#plan.token,
      level: this.#plan.level,
      required: this.#plan.required,
      received: this.#core.received,
      replicas: this.#plan.replicas.map((node) => ({
        node,
        state: this.#state(node, 'pending'),
        isHinted: false,
        version: this.#core.heldBy(node),
        milliseconds: times.tookMs(node),
      })),
      writeBacks: this.#writeBacks,
      repairsStarted,
      hintsStarted: 0,
      isSuperseded: false,
    };
  }
}

class Cancellation {
  #read: ReadOperation | undefined;

  constructor(read: ReadOperation) {
    this.#read = read;
  }

  callback(): () => void {
    return () => this.#read?.cancel();
  }

  end(): void {
    this.#read = undefined;
  }
}
