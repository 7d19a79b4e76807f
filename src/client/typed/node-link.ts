import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import type { ClusterAnswer } from '../answers.ts';
import type { Attempt, Sender } from './attempt.ts';
import { Backlog } from './backlog.ts';
import type { Connection } from './connection.ts';
import { NodeScore } from './node-score.ts';
import { PipelineSender } from './pipeline-sender.ts';
import { UnarySender } from './unary-sender.ts';

/**
 * The way to one node: connects, asks who the node is and whether it serves, and connects again
 * whenever that ends, for as long as the client lives. Each connection is a new one, so that no
 * state of an old one can hold it up.
 */
export interface NodeLinkComponents {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes a connection to `host:port`. */
  readonly open: (address: string) => Connection;
}

export interface NodeLinkInit {
  /** Where the node is, as `host:port`. */
  readonly address: string;
  /** What it should be called; what it says itself counts. */
  readonly name: string | undefined;
  readonly isPipelining: boolean;
  readonly onUp: (link: NodeLink, cluster: ClusterAnswer) => void;
  readonly onDown: (link: NodeLink) => void;
}

const connectMsMax = 2_000;
const retryMsMin = 50;
const retryMsMax = 1_000;

export class NodeLink {
  readonly address: string;
  readonly score = new NodeScore();
  readonly #components: NodeLinkComponents;
  readonly #init: NodeLinkInit;
  #name: string | undefined;
  #connection: Connection | undefined;
  #sender: Sender | undefined;
  #backlog = new Backlog(0);
  #timer: Timer | undefined;
  #failures = 0;
  #problem: QuorateError | undefined;
  #isClosed = false;

  constructor(components: NodeLinkComponents, init: NodeLinkInit) {
    this.#components = components;
    this.#init = init;
    this.address = init.address;
    this.#name = init.name;
  }

  /** The name of the node, once it is known. */
  get name(): string | undefined {
    return this.#name;
  }

  /** Whether the node takes calls, as far as is known. */
  get isUp(): boolean {
    return this.#sender !== undefined;
  }

  /** Why the last connection failed; `undefined` if none did. */
  get problem(): QuorateError | undefined {
    return this.#problem;
  }

  get pending(): number {
    return this.#sender?.pending ?? 0;
  }

  /** What asking this node next is likely to cost. */
  costMs(nowMs: number): number {
    return this.score.costMs(this.pending, nowMs);
  }

  /** Whether a call that has so much time left would have its answer too late. */
  isTooBusyFor(withinMs: number): boolean {
    return this.#backlog.isTooLongFor(withinMs, this.#toDo);
  }

  /** The error of a call for which it {@link isTooBusyFor}. */
  tooBusy(withinMs: number): QuorateError {
    const inFlight = this.#toDo;
    const waitMs = Math.round(this.#backlog.waitMs(inFlight));
    const who = this.#name ?? this.address;
    const message = `${inFlight} calls of this client wait for ${who}, which takes about ${waitMs} ms for them: too long for one more within ${Math.round(withinMs)} ms`;
    return QuorateError.overloaded({ inFlight, waitMs }, message);
  }

  start(): void {
    this.#connect().catch((thrown: unknown) => this.#onFailed(QuorateError.from(thrown)));
  }

  /** Sends a call; only while {@link isUp}. */
  send(attempt: Attempt, nowMs: number): void {
    if (this.pending === 0) this.score.becomesBusy(nowMs);
    if (this.#toDo === 0) this.#backlog.clear();
    attempt.queuedAtMs = nowMs;
    this.#sender?.send(attempt);
  }

  /** The caller waits for it no more. */
  forget(attempt: Attempt): void {
    this.#sender?.forget(attempt);
    attempt.state = 'over';
    this.#backlog.givenUp(this.#components.clock.monotonicMs() - attempt.queuedAtMs);
  }

  /** The cluster as the node sees it now. @throws QuorateError */
  async describeCluster(): Promise<ClusterAnswer> {
    if (this.#connection !== undefined) return this.#connection.describeCluster();
    throw new QuorateError('CONNECTION_FAILED', { target: this.address, reason: 'no connection' });
  }

  /** Ends the connection for good; what is open fails. */
  close(): void {
    this.#isClosed = true;
    this.#drop(new QuorateError('CANCELLED', { reason: 'the client is closed' }));
  }

  /** How many calls the node has before the next one. */
  get #toDo(): number {
    return this.pending + (this.#sender?.givenUp ?? 0);
  }

  async #connect(): Promise<void> {
    const { clock, open } = this.#components;
    const connection = open(this.address);
    this.#connection = connection;
    await connection.connect(connectMsMax);
    const askedAtMs = clock.monotonicMs();
    const cluster = await connection.describeCluster();
    const nowMs = clock.monotonicMs();
    if (this.#isClosed) return;
    if (cluster.status !== 'ready') {
      const reason = `the node is ${cluster.status}`;
      throw new QuorateError('NODE_NOT_READY', { reason, mayHaveApplied: false });
    }
    this.#failures = 0;
    this.#problem = undefined;
    this.#name = cluster.node;
    this.score.connected(nowMs - askedAtMs, nowMs);
    const backlog = new Backlog(nowMs - askedAtMs);
    this.#backlog = backlog;
    const init = {
      clock,
      connection,
      onLatency: (ms: number) => this.score.answered(ms, clock.monotonicMs()),
      onAnswers: (answers: number, waitedMs: number | undefined) =>
        backlog.answered(answers, waitedMs, this.#toDo, clock.monotonicMs()),
      onEnd: (error: QuorateError) => this.#onFailed(error),
    };
    this.#sender = this.#init.isPipelining ? new PipelineSender(init) : new UnarySender(init);
    this.#init.onUp(this, cluster);
  }

  #onFailed(error: QuorateError): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#components;
    const wasUp = this.isUp;
    this.#problem = error;
    this.score.failed(clock.monotonicMs());
    this.#drop(error);
    const longestMs = Math.min(retryMsMin * 2 ** this.#failures, retryMsMax);
    this.#failures = Math.min(this.#failures + 1, 10);
    const delayMs = longestMs * (0.5 + random.fraction() / 2);
    this.#timer = clock.schedule(delayMs, () => this.start());
    if (wasUp) this.#init.onDown(this);
  }

  #drop(error: QuorateError): void {
    this.#timer?.cancel();
    const sender = this.#sender;
    const connection = this.#connection;
    this.#sender = undefined;
    this.#connection = undefined;
    sender?.close(error);
    connection?.close();
  }
}
