import { QuorateError } from '../../../base/quorate-error.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Random } from '../../../runtime/random.ts';
import { benchKey, chooseKeys } from './key-choice.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { type Load, type LoadClient, type LoadOutcome, settleMs } from './load.ts';

/** With more failures, and a tenth of all calls failing, it is not a measurement. */
const errorsMax = 1_000;
/** What more load than is possible brings about: the result of an open loop, not its failure. */
const codesOfLoad: readonly string[] = ['OVERLOADED', 'READ_TIMEOUT', 'WRITE_TIMEOUT'];
const tickMs = 1;
/** So many calls an open loop makes in one turn at most, or no refusal could come before its end. */
const perTurnMax = 256;
/** A key that is to be called once is called so often until it is done, with a rest between. */
const triesMax = 5;
const tryAgainAfterMs = 1_000;

/**
 * Makes the calls of a load in one thread, and measures them.
 *
 * A closed loop measures from when a call is made. An open loop makes calls at their appointed
 * times and measures from those, so that the calls that a stall holds up count with their wait: the
 * latencies of a service whose callers do not wait for each other. The loop looks at the time about
 * once a millisecond; so late its calls may leave, and that is in their latency too. What no client
 * has room for waits, and is unsent if it still does at the end.
 */
export class LoadRun {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #load: Load<unknown>;
  readonly #clients: readonly LoadClient[];
  readonly #signal: AbortSignal;
  readonly #latencies = new LatencyHistogram();
  readonly #before = new LatencyHistogram();
  readonly #after = new LatencyHistogram();
  readonly #refusals = new LatencyHistogram();
  readonly #perTenth: number[] = [];
  readonly #errors: Record<string, number> = {};
  #startMs = 0;
  #calls = 0;
  #wrong = 0;
  #unsent = 0;
  #failures = 0;
  #failure: QuorateError | undefined;

  /** @param signal ends it before its time; calls in flight are still waited for. */
  constructor(
    components: { readonly clock: Clock; readonly random: Random },
    load: Load<unknown>,
    clients: readonly LoadClient[],
    signal: AbortSignal,
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#load = load;
    this.#clients = clients;
    this.#signal = signal;
  }

  /** How many calls were made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Settles when the last answer is there. @throws QuorateError the last of too many failures. */
  async run(): Promise<LoadOutcome> {
    this.#startMs = this.#clock.monotonicMs();
    if (this.#load.pace.kind === 'open') await this.#runOpen(this.#load.pace);
    else await this.#runCallers(this.#load.pace.inFlight);
    if (this.#failure !== undefined) throw this.#failure;
    return {
      calls: this.#calls,
      wrong: this.#wrong,
      errors: this.#errors,
      unsent: this.#unsent,
      elapsedMs: this.#clock.monotonicMs() - this.#startMs,
      latencies: this.#latencies.recorded,
      latenciesBefore: this.#before.recorded,
      latenciesAfter: this.#after.recorded,
      refusals: this.#refusals.recorded,
      perTenth: this.#perTenth,
    };
  }

  get #durationMs(): number {
    const { pace } = this.#load;
    return pace.kind === 'once' ? Number.POSITIVE_INFINITY : pace.durationMs;
  }

  async #runCallers(inFlight: number): Promise<void> {
    const { firstKey, keys, distribution, pace } = this.#load;
    const choose = chooseKeys(this.#random, distribution, keys);
    let next = 0;
    const nextKey = () => {
      if (pace.kind === 'closed') return choose();
      return next < keys ? next++ : undefined;
    };
    const endMs = this.#startMs + this.#durationMs;
    const caller = async (client: LoadClient): Promise<void> => {
      for (;;) {
        const nowMs = this.#clock.monotonicMs();
        if (nowMs >= endMs || this.#isOver) return;
        const key = nextKey();
        if (key === undefined) return;
        const error = await this.#call(client, firstKey + key, nowMs);
        if (error !== undefined && pace.kind === 'once') {
          await this.#tryAgain(client, firstKey + key, error);
        }
      }
    };
    const callers = this.#clients.flatMap((client) =>
      Array.from({ length: inFlight }, () => caller(client)),
    );
    await Promise.all(callers);
  }

  /** A cluster without one of its keys would be measured wrongly. */
  async #tryAgain(client: LoadClient, key: number, first: QuorateError): Promise<void> {
    let error: QuorateError | undefined = first;
    for (let tries = 1; tries < triesMax && !this.#isOver; tries++) {
      await this.#passed(tryAgainAfterMs);
      error = await this.#call(client, key, this.#clock.monotonicMs());
      if (error === undefined) return;
    }
    this.#failure ??= error;
  }

  #passed(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(delayMs, resolve));
  }

  async #runOpen(pace: { readonly perSecond: number; readonly durationMs: number }): Promise<void> {
    const { firstKey, keys, distribution } = this.#load;
    const choose = chooseKeys(this.#random, distribution, keys);
    const total = Math.floor((pace.perSecond * pace.durationMs) / 1_000);
    const appointedMs = (index: number) => this.#startMs + (index * 1_000) / pace.perSecond;
    const lanes = new Lanes(this.#clients);
    let sent = 0;
    /** @returns whether more is due, and there is room for it. */
    const send = (): boolean => {
      const nowMs = this.#clock.monotonicMs();
      for (let made = 0; sent < total && appointedMs(sent) <= nowMs; made++) {
        if (made === perTurnMax) return true;
        const lane = lanes.withRoom();
        if (lane === undefined) return false;
        lane.open++;
        void this.#call(lane.client, firstKey + choose(), appointedMs(sent++)).then(() => {
          lane.open--;
        });
      }
      return false;
    };
    const endMs = this.#startMs + pace.durationMs;
    while (this.#clock.monotonicMs() < endMs && !this.#isOver)
      await this.#passed(send() ? 0 : tickMs);
    send();
    const nowMs = this.#clock.monotonicMs();
    for (let index = sent; index < total && appointedMs(index) <= nowMs; index++) {
      this.#unsent++;
      this.#latencies.add(nowMs - appointedMs(index));
    }
    while (lanes.open > 0) await this.#passed(tickMs);
  }

  get #isOver(): boolean {
    return this.#signal.aborted || this.#failure !== undefined;
  }

  /** @returns why it failed. */
  async #call(client: LoadClient, key: number, fromMs: number): Promise<QuorateError | undefined> {
    this.#calls++;
    const madeMs = this.#clock.monotonicMs();
    try {
      if (await client.call(benchKey(key))) this.#succeed(fromMs);
      else this.#wrong++;
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      this.#fail(error, madeMs);
      return error;
    }
    return undefined;
  }

  #succeed(fromMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const middleMs = this.#startMs + this.#durationMs / 2;
    this.#latencies.add(nowMs - fromMs);
    if (nowMs < middleMs) this.#before.add(nowMs - fromMs);
    else if (fromMs >= middleMs + settleMs) this.#after.add(nowMs - fromMs);
    const tenth = Math.floor((nowMs - this.#startMs) / 100);
    while (this.#perTenth.length <= tenth) this.#perTenth.push(0);
    this.#perTenth[tenth] = (this.#perTenth[tenth] ?? 0) + 1;
  }

  /** @param madeMs when the call was made: a refusal is the client's, a loop that is late is not. */
  #fail(error: QuorateError, madeMs: number): void {
    this.#errors[error.code] = (this.#errors[error.code] ?? 0) + 1;
    if (error.code === 'OVERLOADED') {
      this.#refusals.add(this.#clock.monotonicMs() - madeMs);
      return;
    }
    if (this.#load.pace.kind === 'open' && codesOfLoad.includes(error.code)) return;
    this.#failures++;
    const isTooMuch = this.#failures > errorsMax && this.#failures * 10 > this.#calls;
    if (isTooMuch) this.#failure = error;
  }
}

interface Lane {
  readonly client: LoadClient;
  open: number;
}

/** The clients of an open loop, which take turns as long as they have room. */
class Lanes {
  readonly #lanes: readonly Lane[];
  #turn = 0;

  constructor(clients: readonly LoadClient[]) {
    this.#lanes = clients.map((client) => ({ client, open: 0 }));
  }

  /** How many calls are open on all of them. */
  get open(): number {
    return this.#lanes.reduce((sum, { open }) => sum + open, 0);
  }

  /** @returns `undefined` if none has room. */
  withRoom(): Lane | undefined {
    for (let tried = 0; tried < this.#lanes.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#lanes.length;
      const lane = this.#lanes[this.#turn];
      if (lane !== undefined && lane.open < lane.client.inFlightMax) return lane;
    }
    return undefined;
  }
}
