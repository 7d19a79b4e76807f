import { QuorateError, type QuorateErrorCode } from '../base/quorate-error.ts';
import { NodeSet } from '../consistency/node-set.ts';
import { keepsHints } from '../consistency/repair-mode.ts';
import { clockApartMsMax } from '../record/clock-monitor.ts';
import { isOverdue, type ReplicaReply, type ReplicaRequest } from '../record/replica-messages.ts';
import type { Version } from '../record/version.ts';
import { expiringValue, recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import type { Deadline } from '../runtime/deadlines.ts';
import type { CoordinatorOptions, Operation, OperationComponents } from './components.ts';
import { expireTimeAfter } from './expiry.ts';
import {
  AnswerTimes,
  describeReplicas,
  type Explanation,
  type ReplicaState,
} from './explanation.ts';
import { countRoomy, type ReplicaPlan } from './replica-plan.ts';
import type { WriteRequest, WriteResult } from './request.ts';
import { WriteCore } from './write-core.ts';

/**
 * The shell of one put or delete: sends what WriteCore needs, times it, and acts.
 *
 * It lives on after its answer until every replica has acknowledged, failed, or let the deadline
 * pass: what a replica missed by then is kept as a hint. One request makes one version; there is
 * no retry in here, since a second version could bring an overwritten value back.
 */
export class WriteOperation implements Operation {
  readonly #components: OperationComponents;
  readonly #options: CoordinatorOptions;
  readonly #request: WriteRequest;
  readonly #plan: ReplicaPlan;
  readonly #core: WriteCore;
  readonly #deadlineMs: number;
  readonly #listener: WriteListener;
  readonly #times: AnswerTimes | undefined;
  readonly #hinted: NodeSet;
  #phase: 'query' | 'cover' | 'store' | 'ended' = 'query';
  #isAnswered = false;
  #isBelowFloor = false;
  #deadline: Deadline<Operation> | undefined;
  #querySentAtMs = 0;
  #clockBaseMs = 0;
  #record: VersionedValue | undefined;

  constructor(
    components: OperationComponents,
    options: CoordinatorOptions,
    request: WriteRequest,
    plan: ReplicaPlan,
    listener: WriteListener,
  ) {
    this.#components = components;
    this.#options = options;
    this.#request = request;
    this.#plan = plan;
    this.#core = new WriteCore(plan);
    this.#hinted = new NodeSet(plan.replicas);
    this.#deadlineMs = components.clock.monotonicMs() + request.timeoutMs;
    this.#listener = listener;
    this.#times = request.isExplained ? new AnswerTimes() : undefined;
  }

  start(): void {
    if (!this.#plan.isLinearizable || this.#request.version !== undefined) {
      this.#cover(undefined);
      if (this.#phase !== 'ended') this.#armTimer();
      return;
    }
    this.#querySentAtMs = this.#components.clock.realtimeMs();
    this.#clockBaseMs = this.#querySentAtMs - this.#components.clock.monotonicMs();
    this.#armTimer();
    for (const node of this.#plan.readable) {
      this.#query(node, clockQuery, (reply) => {
        if (reply.outcome !== 'refused' || reply.reason !== 'not-now') {
          this.#onVersionReply(node, reply);
        } else if (this.#phase === 'query') this.#queryVersion(node);
      });
    }
  }

  /** Asks for the version of the key where a replica does not tell what would do for all keys. */
  #queryVersion(node: string): void {
    const request = { operation: 'query-version', key: this.#plan.key } as const;
    this.#query(node, request, (reply) => this.#onVersionReply(node, reply));
  }

  #query(node: string, request: ReplicaRequest, onReply: (reply: ReplicaReply) => void): void {
    this.#times?.asked(node, this.#components.clock.monotonicMs());
    this.#components.replicas.clientOf(node).send(request, this.#deadlineMs, onReply);
  }

  #armTimer(): void {
    this.#deadline = this.#components.deadlines.add(this, this.#deadlineMs);
  }

  #onVersionReply(node: string, reply: ReplicaReply): void {
    if (this.#phase !== 'query') return;
    if (isOverdue(reply)) return this.onDeadline();
    this.#times?.answered(node, this.#components.clock.monotonicMs());
    if (reply.outcome === 'ok') this.#core.addVersion(node, reply.version, reply.clockMs);
    else this.#core.addVersionFailure(node);
    const outcome = this.#core.queryOutcome();
    if (outcome === 'reached') {
      // One clock that is behind, and was quick to answer, must not stop the others' writes.
      if (this.#core.hasHeardAll() || !this.#isAheadOfAll()) this.#cover(this.#core.newestSeen);
    } else if (outcome === 'unreachable') {
      // Requests that were too late to be sent are no failure of their replicas.
      if (this.#isOver()) return this.onDeadline();
      this.#fail('REPLICA_FAILURE', {
        failed: this.#plan.readable.length - this.#core.versionsReceived,
      });
    }
  }

  /** Takes the version, and makes durable what a restart must know of it. */
  #cover(newestSeen: Version | undefined): void {
    // A coordinator that was paused must not act on what it learned before.
    if (this.#isOver()) return this.onDeadline();
    const record = this.#nextRecord(newestSeen);
    if (record === undefined) return this.#fail('CLOCK_SKEW', {});
    this.#phase = 'cover';
    // A version that was made before says nothing of what this node has made.
    const made = this.#request.version === undefined ? record.version.clock : 0n;
    this.#components.writeGuard.cover(this.#plan.token, made, (isCovered) => {
      if (this.#phase !== 'cover') return;
      if (isCovered) this.#store(record);
      else this.#fail('REPLICA_FAILURE', { failed: 0 });
    });
  }

  /** The second phase. Nothing has been stored when this is called. */
  #store(record: VersionedValue): void {
    const { clock, replicas } = this.#components;
    if (this.#isOver()) return this.onDeadline();
    const bytes = recordBytes(this.#plan.key, record);
    if (countRoomy(replicas, this.#plan.writable, bytes) < this.#plan.required)
      return this.#fail('OVERLOADED', {});
    this.#record = record;
    this.#phase = 'store';
    const operation = this.#request.version === undefined ? 'store' : 'spread';
    const request = { operation, key: this.#plan.key, record } as const;
    for (const node of this.#plan.writable) {
      this.#times?.asked(node, clock.monotonicMs());
      replicas
        .clientOf(node)
        .send(request, this.#deadlineMs, (reply) => this.#onStoreReply(node, reply));
    }
  }

  /** What to write, or `undefined` if the clocks forbid it. */
  #nextRecord(newestSeen: Version | undefined): VersionedValue | undefined {
    const { value, ttlMs, version: existing } = this.#request;
    if (existing !== undefined) return { version: existing, value };
    const expireTimeMs = ttlMs === undefined ? undefined : expireTimeAfter(this.#components, ttlMs);
    if (expireTimeMs === undefined && ttlMs !== undefined) return undefined;
    const version = this.#nextVersion(newestSeen);
    return version && { version, value: value && expiringValue(value, expireTimeMs) };
  }

  /** The version to write, or `undefined` if the clocks forbid one. */
  #nextVersion(newestSeen: Version | undefined): Version | undefined {
    const { clock, hybridClock, clockMonitor } = this.#components;
    const realtimeMs = clock.realtimeMs();
    if (this.#plan.isLinearizable) {
      const aheadMs = this.#aheadMs();
      if (aheadMs === undefined) {
        // Nobody else answered, so only the pings can tell.
        const verdict = clockMonitor.verdict({ realtimeMs, monotonicMs: clock.monotonicMs() });
        if (verdict !== 'agrees') return undefined;
      } else if (aheadMs > clockApartMsMax) return undefined;
    }
    if (newestSeen !== undefined && !hybridClock.observe(newestSeen.clock, realtimeMs)) {
      return undefined;
    }
    const next = hybridClock.next(realtimeMs);
    return next === undefined ? undefined : { clock: next, node: this.#options.node };
  }

  #isAheadOfAll(): boolean {
    return (this.#aheadMs() ?? 0) > clockApartMsMax;
  }

  /** How far the clock is ahead of all other nodes that named a version, if one did. */
  #aheadMs(): number | undefined {
    const { clock } = this.#components;
    // A step since then makes the answers speak of another clock than the one that is read now.
    const steppedMs = clock.realtimeMs() - clock.monotonicMs() - this.#clockBaseMs;
    return this.#core.aheadOfOthersMs(this.#options.node, this.#querySentAtMs + steppedMs);
  }

  #onStoreReply(node: string, reply: ReplicaReply): void {
    if (this.#phase !== 'store') return;
    if (isOverdue(reply)) return this.onDeadline();
    this.#times?.answered(node, this.#components.clock.monotonicMs());
    if (reply.outcome === 'ok' && reply.version !== undefined) {
      this.#core.addStored(node, reply.version);
    } else if (reply.outcome === 'refused') {
      this.#core.addRefused(node);
      if (reply.reason === 'below-floor') this.#isBelowFloor = true;
    } else this.#core.addUnknown(node);
    this.#settle();
  }

  #settle(): void {
    if (!this.#isAnswered) {
      const outcome = this.#core.storeOutcome();
      if (outcome === 'reached') {
        this.#hintDown();
        this.#answer();
      } else if (outcome === 'unreachable') {
        this.#isAnswered = true;
        const isTooLate = this.#isOver() && !this.#core.isCertainlyNotApplied();
        const code = isTooLate ? 'WRITE_TIMEOUT' : 'REPLICA_FAILURE';
        this.#listener.onError(
          this.#storeError(code, isTooLate ? {} : { failed: this.#core.failed }),
        );
      }
    }
    if (this.#core.acknowledged + this.#core.failed < this.#plan.writable.length) return;
    this.#hintMissing(() => true);
    this.#end();
  }

  /** Ends what is left of it. */
  onDeadline(): void {
    if (this.#phase === 'ended') return;
    if (this.#phase !== 'store') {
      const isHeldByClock = this.#phase === 'query' && this.#core.queryOutcome() === 'reached';
      this.#fail(isHeldByClock && this.#isAheadOfAll() ? 'CLOCK_SKEW' : 'WRITE_TIMEOUT', {});
      return;
    }
    this.#hintMissing(() => true);
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#listener.onError(this.#storeError('WRITE_TIMEOUT', {}));
    }
    this.#end();
  }

  #isOver(): boolean {
    return this.#components.clock.monotonicMs() >= this.#deadlineMs;
  }

  #end(): void {
    this.#phase = 'ended';
    this.#components.deadlines.remove(this.#deadline);
    this.#listener.onEnd();
  }

  /** Ends before anything was stored. */
  #fail(code: QuorateErrorCode, details: Record<string, number | boolean>): void {
    this.#end();
    this.#isAnswered = true;
    const waiting = code === 'WRITE_TIMEOUT' ? 'timed-out' : 'pending';
    const stateOf = (node: string) => this.#queryState(node, waiting);
    this.#listener.onError(
      new QuorateError(code, {
        required: this.#plan.required,
        received: this.#core.versionsReceived,
        mayHaveApplied: false,
        ...details,
        replicas: describeReplicas(this.#plan, stateOf),
      }),
    );
  }

  #storeError(code: QuorateErrorCode, details: Record<string, number>): QuorateError {
    const state = code === 'WRITE_TIMEOUT' ? 'timed-out' : 'pending';
    return new QuorateError(code, {
      required: this.#plan.required,
      received: this.#core.acknowledged,
      ...details,
      ...(this.#isBelowFloor && { reason: belowFloor }),
      mayHaveApplied: !this.#core.isCertainlyNotApplied(),
      replicas: describeReplicas(this.#plan, (node) => this.#storeState(node, state)),
    });
  }

  #queryState(node: string, waiting: ReplicaState): ReplicaState {
    if (!this.#plan.readable.includes(node)) return 'down';
    return this.#core.hasNamedVersion(node) ? 'answered' : waiting;
  }

  #storeState(node: string, waiting: ReplicaState): ReplicaState {
    if (!this.#plan.writable.includes(node)) return 'down';
    if (this.#core.heldBy(node) !== undefined) return 'answered';
    return this.#core.hasFailed(node) ? 'failed' : waiting;
  }

  /** Keeps hints for the replicas that nothing could be sent to. */
  #hintDown(): void {
    const { replicas, writable } = this.#plan;
    if (writable.length < replicas.length) this.#hintMissing((node) => !writable.includes(node));
  }

  #hintMissing(isWanted: (node: string) => boolean): void {
    if (this.#record === undefined || !keepsHints(this.#options.mode)) return;
    if (this.#core.acknowledged === this.#plan.replicas.length) return;
    for (const node of this.#core.missing()) {
      if (this.#hinted.has(node) || !isWanted(node)) continue;
      this.#hinted.add(node);
      this.#components.hints.keep(node, this.#plan.key, this.#record);
    }
  }

  #answer(): void {
    this.#isAnswered = true;
    if (this.#record === undefined) return;
    const { version } = this.#record;
    this.#listener.onResult({
      version,
      explanation: this.#times && this.#explain(version, this.#times),
    });
  }

  #explain(version: Version, times: AnswerTimes): Explanation {
    return {
      coordinator: this.#options.node,
      ringEpoch: this.#plan.ringEpoch,
      token: this.#plan.token,
      level: this.#plan.level,
      required: this.#plan.required,
      received: this.#core.acknowledged,
      replicas: this.#plan.replicas.map((node) => ({
        node,
        state: this.#storeState(node, 'pending'),
        isHinted: this.#hinted.has(node),
        version: this.#core.heldBy(node),
        milliseconds: times.tookMs(node),
      })),
      writeBacks: 0,
      repairsStarted: 0,
      hintsStarted: this.#hinted.size,
      isSuperseded: this.#core.isSuperseded(version),
    };
  }
}

const clockQuery: ReplicaRequest = { operation: 'query-clock' };

/** Why a write failed that was made before: its version is older than what was forgotten. */
export const belowFloor = 'below-floor';

/** Learns how a write went. */
interface WriteListener {
  readonly onResult: (result: WriteResult) => void;
  readonly onError: (error: QuorateError) => void;
  /** Called once, with the answer or after it: what the replicas missed is known and kept. */
  readonly onEnd: () => void;
}
