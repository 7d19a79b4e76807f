import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Deadlines } from '../../runtime/deadlines.ts';
import type { Random } from '../../runtime/random.ts';
import type { OutgoingCall } from '../../wire/pipeline-call-codec.ts';
import type { CallAnswer } from './attempt.ts';
import { Call, type CallSurroundings } from './call.ts';
import { ClusterLinks } from './cluster-links.ts';
import type { Connection } from './connection.ts';
import { Latencies } from './latencies.ts';
import { RetryBudget } from './retry-budget.ts';
import type { Seeds } from './seeds.ts';
import { SlowReads } from './slow-reads.ts';

/** All calls of one client, from the first connection to the end of the last call. */
export interface CallsComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly seeds: Seeds;
  /** Makes a connection to `host:port`. */
  readonly open: (address: string) => Connection;
}

export interface CallsInit {
  readonly coordinator: string | undefined;
  readonly isPipelining: boolean;
  readonly isHedging: boolean;
}

/** How many calls may be open at once. */
const openMax = 65_536;
/** How many calls may be refused in one turn before it ends: about 10 ms of work. */
const refusedAtOnceMax = 1_000;
const deadlineStepMs = 16;

export class Calls {
  readonly #clock: Clock;
  readonly #links: ClusterLinks;
  readonly #around: CallSurroundings;
  #open = 0;
  #onEmpty: () => void = () => undefined;
  #onFirstNode: () => void = () => undefined;
  #isClosed = false;
  /** How many calls were refused in this turn, and what is to be refused in the next. */
  #refused = 0;
  #refusals: (() => void)[] = [];

  constructor(components: CallsComponents, init: CallsInit) {
    const { clock, random } = components;
    const { coordinator, isPipelining, isHedging } = init;
    this.#clock = clock;
    const latencies = new Latencies();
    const onUp = () => this.#onUp();
    this.#links = new ClusterLinks(components, { coordinator, isPipelining, onUp });
    this.#around = {
      clock,
      random,
      links: this.#links,
      deadlines: new Deadlines(clock, deadlineStepMs, (call) => call.onDeadline()),
      slowReads:
        isHedging && coordinator === undefined ? new SlowReads(clock, latencies) : undefined,
      latencies,
      budget: new RetryBudget(clock.monotonicMs()),
      waiting: new Set(),
      refuse: (reject, error) => this.#refuse(reject, error),
      onOver: () => this.#onOver(),
    };
  }

  /** Waits for a node that takes calls. @throws QuorateError NO_COORDINATOR */
  async connect(timeoutMs: number): Promise<void> {
    await this.#links.start(timeoutMs);
    if (this.#links.isAnyUp) return;
    await new Promise<void>((resolve, reject) => {
      const timer = this.#clock.schedule(timeoutMs, () => {
        const reason = this.#links.problem;
        reject(new QuorateError('NO_COORDINATOR', { mayHaveApplied: false, reason }));
      });
      this.#onFirstNode = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /**
   * Makes a call.
   *
   * @param take takes the result out of the answer.
   * @throws QuorateError
   */
  make<Result>(
    outgoing: OutgoingCall,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    take: (answer: CallAnswer) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      if (this.#open >= openMax) return this.#refuse(reject, overloaded());
      const nowMs = this.#clock.monotonicMs();
      const deadlineMs = nowMs + timeoutMs;
      const call = new Call(this.#around, { outgoing, deadlineMs, signal, take, resolve, reject });
      this.#open++;
      call.start(nowMs);
    });
  }

  /** Takes no more calls, waits for those that are open, each of which has an end, and leaves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#links.close();
  }

  #onUp(): void {
    this.#onFirstNode();
    const nowMs = this.#clock.monotonicMs();
    for (const call of [...this.#around.waiting]) call.onNode(nowMs);
  }

  /** Refuses at once, but a caller that then tries again without end must let answers in. */
  #refuse(reject: (error: QuorateError) => void, error: QuorateError): void {
    if (++this.#refused <= refusedAtOnceMax) reject(error);
    else this.#refusals.push(() => reject(error));
    if (this.#refused > 1) return;
    this.#clock.schedule(0, () => {
      const refusals = this.#refusals;
      this.#refusals = [];
      this.#refused = 0;
      for (const refuse of refusals) refuse();
    });
  }

  #onOver(): void {
    this.#open--;
    if (this.#open === 0) this.#onEmpty();
  }
}

function closed(): QuorateError {
  return new QuorateError('CANCELLED', { mayHaveApplied: false }, 'the client is closed');
}

function overloaded(): QuorateError {
  const message = `${openMax} calls of this client are open already: wait for some of them`;
  return QuorateError.overloaded({ inFlight: openMax }, message);
}
