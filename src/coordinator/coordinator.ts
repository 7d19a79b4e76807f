import { QuorateError } from '../base/quorate-error.ts';
import { recordBytes } from '../record/versioned-value.ts';
import { Deadlines } from '../runtime/deadlines.ts';
import type {
  CoordinatorComponents,
  CoordinatorOptions,
  Operation,
  OperationComponents,
} from './components.ts';
import { ReadOperation } from './read-operation.ts';
import { ReadPatience } from './read-patience.ts';
import { countRoomy, planReplicas, type ReplicaPlan } from './replica-plan.ts';
import type { ReadRequest, ReadResult, WriteRequest, WriteResult } from './request.ts';
import { WriteOperation } from './write-operation.ts';

/** How many client requests a node coordinates at once, and how many bytes they may take. */
const requestsInFlightMax = 8_192;
const requestBytesInFlightMax = 64 * 1024 * 1024;
/** How late a deadline may be noticed: less than the time by which nodes answer early. */
const deadlineStepMs = 4;

/**
 * Serves client requests from this node: plans each once, checks that it can succeed, and hands it
 * to an operation. Whether clients are let in at all (ready, draining) is decided by `accept`.
 */
export class Coordinator {
  readonly #components: OperationComponents;
  readonly #options: CoordinatorOptions;
  #inFlight = 0;
  #bytesInFlight = 0;
  #openWrites = 0;
  #isAccepting = false;
  #onIdle: (() => void) | undefined;
  readonly #onWriteEnd = () => {
    this.#openWrites--;
    this.#tellIdle();
  };

  constructor(components: CoordinatorComponents, options: CoordinatorOptions) {
    const deadlines = new Deadlines<Operation>(components.clock, deadlineStepMs, (operation) =>
      operation.onDeadline(),
    );
    this.#components = { ...components, deadlines, readPatience: new ReadPatience() };
    this.#options = options;
  }

  /** Lets clients in, or answers NODE_NOT_READY from now on. */
  accept(isAccepting: boolean): void {
    this.#isAccepting = isAccepting;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Settles when it is idle. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /**
   * Reads a key. Settles by the deadline.
   *
   * @throws QuorateError NODE_NOT_READY, LEVEL_UNREACHABLE, NOT_ENOUGH_REPLICAS, OVERLOADED,
   * READ_TIMEOUT, REPLICA_FAILURE or CANCELLED; CLOCK_SKEW for a value that expires if the clocks do
   * not let this node judge it.
   */
  get(request: ReadRequest): Promise<ReadResult> {
    const bytes = recordBytes(request.key, undefined);
    return this.#run(bytes, (resolve, reject) => {
      const plan = this.#plan(request);
      requireReplicas(plan, plan.readable);
      this.#requireRoom(plan, plan.readable, bytes);
      const operation = new ReadOperation(
        this.#components,
        this.#options,
        request,
        plan,
        resolve,
        reject,
      );
      request.onCancel?.(operation.canceller());
      operation.start();
    });
  }

  /**
   * Writes a key: a put, or a delete where the value is `undefined`. Settles by the deadline.
   *
   * @throws QuorateError as {@link get}, with WRITE_TIMEOUT for READ_TIMEOUT, and CLOCK_SKEW; its
   * `mayHaveApplied` tells a failure from an uncertain outcome.
   */
  write(request: WriteRequest): Promise<WriteResult> {
    const bytes = recordBytes(request.key, undefined) + (request.value?.bytes.length ?? 0);
    return this.#run(bytes, (resolve, reject) => {
      const plan = this.#plan(request);
      const isAsking = plan.isLinearizable && request.version === undefined;
      if (isAsking) requireReplicas(plan, plan.readable);
      requireWritable(plan);
      this.#requireRoom(plan, plan.writable, bytes);
      this.#judgeClock(plan);
      this.#openWrites++;
      const listener = { onResult: resolve, onError: reject, onEnd: this.#onWriteEnd };
      new WriteOperation(this.#components, this.#options, request, plan, listener).start();
    });
  }

  /** Whether no request is in flight, and what was answered is kept for those who missed it. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#openWrites === 0;
  }

  #tellIdle(): void {
    if (this.isIdle) this.#onIdle?.();
  }

  #run<Result>(
    bytes: number,
    start: (resolve: (result: Result) => void, reject: (error: QuorateError) => void) => void,
  ): Promise<Result> {
    if (!this.#isAccepting) {
      const details = { node: this.#options.node, mayHaveApplied: false };
      return Promise.reject(new QuorateError('NODE_NOT_READY', details));
    }
    if (
      this.#inFlight >= requestsInFlightMax ||
      this.#bytesInFlight + bytes > requestBytesInFlightMax
    ) {
      return Promise.reject(QuorateError.overloaded({ inFlight: this.#inFlight }));
    }
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    return new Promise<Result>((resolve, reject) => {
      const settle = (result: Result) => {
        this.#release(bytes);
        resolve(result);
      };
      const fail = (error: QuorateError) => {
        this.#release(bytes);
        reject(error);
      };
      try {
        start(settle, fail);
      } catch (error: unknown) {
        fail(QuorateError.from(error));
      }
    });
  }

  #release(bytes: number): void {
    this.#inFlight--;
    this.#bytesInFlight -= bytes;
    this.#tellIdle();
  }

  #plan(request: ReadRequest | WriteRequest): ReplicaPlan {
    const { ring, replicas } = this.#components;
    const plan = planReplicas(ring, replicas, request.key, request.level);
    const { required } = plan;
    if (required > plan.replicas.length) {
      throw new QuorateError('LEVEL_UNREACHABLE', {
        required,
        replicationFactor: plan.replicas.length,
      });
    }
    return plan;
  }

  #requireRoom({ required }: ReplicaPlan, asked: readonly string[], bytes: number): void {
    const roomy = countRoomy(this.#components.replicas, asked, bytes);
    if (roomy < required) throw QuorateError.overloaded({ required, roomy });
  }

  #judgeClock(plan: ReplicaPlan): void {
    const { clock, clockMonitor } = this.#components;
    const realtimeMs = clock.realtimeMs();
    const verdict = clockMonitor.verdict({ realtimeMs, monotonicMs: clock.monotonicMs() });
    if (verdict === 'agrees' || (verdict === 'uncompared' && plan.isLinearizable)) return;
    const sentence =
      verdict === 'apart'
        ? `the clock of ${this.#options.node} is more than 250 ms from those of the others: set it right`
        : `${this.#options.node} has not compared its clock with a majority of the other nodes yet, which writes at ${plan.level} need: try again, or write at QUORUM`;
    throw new QuorateError('CLOCK_SKEW', { verdict, mayHaveApplied: false }, sentence);
  }
}

function requireReplicas(plan: ReplicaPlan, able: readonly string[]): void {
  const { required, replicas } = plan;
  if (able.length >= required) return;
  throw new QuorateError('NOT_ENOUGH_REPLICAS', {
    required,
    alive: able.length,
    mayHaveApplied: false,
    replicas: replicas.map((node) => `${node}=${able.includes(node) ? 'up' : 'down'}`).join(' '),
  });
}

function requireWritable(plan: ReplicaPlan): void {
  const { required, readable, writable } = plan;
  if (writable.length >= required) return;
  // Those that can be read but not written have no room on their disks.
  const isRoomMissing = new Set([...readable, ...writable]).size >= required;
  if (!isRoomMissing) return requireReplicas(plan, writable);
  throw new QuorateError('DISK_FULL', {
    required,
    alive: writable.length,
    mayHaveApplied: false,
    full: readable.filter((node) => !writable.includes(node)).join(' '),
  });
}
