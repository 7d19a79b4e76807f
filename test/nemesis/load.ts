import { QuorateError } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { Call } from '../checkers/history.ts';
import type { SeededRandom } from '../support/simulated-time.ts';
import { type Coordinator, type Coordinators, suspectAfterMs } from './coordinators.ts';

/**
 * So many calls a second, whatever becomes of them, and the history that they make.
 *
 * A call that certainly did nothing goes once more, to another coordinator; so does a read that
 * has no answer after a while. A write with an uncertain outcome is never sent again.
 */
export interface LoadOptions {
  /** Calls a second, from the end of the warm-up on. */
  readonly rate: number;
  /** In this time the rate rises from nothing: code that has just started is slow. */
  readonly warmUpMs: number;
  readonly timeoutMs: number;
}

/** A call of the history. It was due at `dueMs`, from where its latency counts. */
export interface TimedCall extends Call {
  readonly dueMs: number;
  /** What the coordinators said that did not do it. */
  readonly errors: readonly string[];
}

interface Drawn {
  readonly key: Uint8Array;
  readonly kind: Call['kind'];
  readonly level: ConsistencyLevel;
  /** What a put writes. */
  readonly text: string;
}

/** What a client was told. */
interface Told {
  readonly outcome: Call['outcome'];
  readonly text?: string | undefined;
  readonly version?: string;
}

const tickMs = 2;
const keysCount = 300;
const hotKeysCount = 4;
/** How many calls of a hundred are of a hot key, are gets, and are puts; the others are deletes. */
const hotPercent = 20;
const getPercent = 50;
const putPercent = 40;
/** How many calls of a hundred are at ALL, and at ONE; the others are at QUORUM. */
const allPercent = 1;
const onePercent = 2;
/** Only one key of so many gets puts at ONE: the others promise more. */
const weakKeyEvery = 8;

export class Load {
  readonly calls: TimedCall[] = [];
  readonly #random: SeededRandom;
  readonly #coordinators: Coordinators;
  readonly #options: LoadOptions;
  readonly #keys: readonly Uint8Array[];
  readonly #idle: string[] = [];
  readonly #open = new Set<Promise<void>>();
  #clients = 0;
  #made = 0;
  #startMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(random: SeededRandom, coordinators: Coordinators, options: LoadOptions) {
    this.#random = random;
    this.#coordinators = coordinators;
    this.#options = options;
    // 151 has no factor in common with 256: neighbours in this list are not neighbours on the ring.
    this.#keys = Array.from({ length: keysCount }, (_, index) =>
      Uint8Array.of((index * 151) % 256, 1 + (index >> 8), index % 256),
    );
  }

  start(): void {
    this.#startMs = performance.now();
    this.#timer = setInterval(() => this.#makeDue(), tickMs);
  }

  /** Settles when the last call has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  /** Reads every key at QUORUM, as part of the history. @returns which could not be read. */
  async readAll(): Promise<readonly string[]> {
    const unread: string[] = [];
    for (const key of this.#keys) {
      const drawn: Drawn = { key, kind: 'get', level: 'QUORUM', text: '' };
      let { outcome } = await this.#make(drawn, performance.now());
      for (let tries = 1; outcome !== 'ok' && tries < 5; tries++) {
        outcome = (await this.#make(drawn, performance.now())).outcome;
      }
      if (outcome !== 'ok') unread.push(nameOf(key));
    }
    return unread;
  }

  #makeDue(): void {
    const nowMs = performance.now();
    for (; ; this.#made++) {
      const dueMs = this.#startMs + this.#dueMs(this.#made);
      if (dueMs > nowMs) return;
      const made: Promise<void> = this.#make(this.#draw(), dueMs).then(() => {
        this.#open.delete(made);
      });
      this.#open.add(made);
    }
  }

  /** How long after the start a call is due, by its number. */
  #dueMs(index: number): number {
    const { rate, warmUpMs } = this.#options;
    const duringWarmUp = (rate * warmUpMs) / 2_000;
    return index < duringWarmUp
      ? warmUpMs * Math.sqrt(index / duringWarmUp)
      : warmUpMs + ((index - duringWarmUp) * 1_000) / rate;
  }

  #draw(): Drawn {
    const isHot = this.#random.below(100) < hotPercent;
    const index = this.#random.below(isHot ? hotKeysCount : keysCount);
    const kindAt = this.#random.below(100);
    const kind = kindAt < getPercent ? 'get' : kindAt < getPercent + putPercent ? 'put' : 'delete';
    const levelAt = this.#random.below(100);
    const mayBeWeak = kind === 'get' || index % weakKeyEvery === weakKeyEvery - 1;
    const isWeak = levelAt < allPercent + onePercent && mayBeWeak;
    const level = levelAt < allPercent ? 'ALL' : isWeak ? 'ONE' : 'QUORUM';
    return { key: this.#keys[index] ?? Uint8Array.of(0), kind, level, text: `w${this.#made}` };
  }

  async #make(drawn: Drawn, dueMs: number): Promise<TimedCall> {
    const client = this.#idle.pop() ?? `client${this.#clients++}`;
    const side = drawn.kind === 'get' ? 'reads' : 'writes';
    const coordinator = await this.#coordinators.first(side);
    const startMs = performance.now();
    const errors: string[] = [];
    const told = await (side === 'reads'
      ? this.#read(drawn, coordinator, errors)
      : this.#write(drawn, coordinator, errors));
    const isHeard = told.outcome !== 'uncertain';
    const call: TimedCall = {
      client,
      key: nameOf(drawn.key),
      kind: drawn.kind,
      level: drawn.level,
      startMs,
      endMs: isHeard ? performance.now() : undefined,
      outcome: told.outcome,
      text: drawn.kind === 'put' ? drawn.text : told.text,
      version: told.version ?? '',
      dueMs,
      errors,
    };
    this.calls.push(call);
    // A client that never heard of its call makes no other.
    if (isHeard) this.#idle.push(client);
    return call;
  }

  async #read(drawn: Drawn, coordinator: Coordinator, errors: string[]): Promise<Told> {
    const get = async (from: Coordinator): Promise<Told> => {
      try {
        const answer = await this.#coordinators.ask(from, 'reads', drawn.level, (client) =>
          client.get(drawn.key, this.#callOptions(drawn)),
        );
        const text = answer.value?.kind === 'text' ? answer.value.text : undefined;
        return { outcome: 'ok', text, version: answer.version };
      } catch (thrown: unknown) {
        errors.push(wordsOf(from, QuorateError.from(thrown)));
        return { outcome: 'failed' };
      }
    };
    const first = get(coordinator);
    const early = await withinMs(first, suspectAfterMs);
    if (early?.outcome === 'ok') return early;
    const second = this.#coordinators.other('reads', coordinator).then(get);
    const told = await Promise.race([first, second].map((told) => onlyOk(told, [first, second])));
    return told;
  }

  async #write(drawn: Drawn, coordinator: Coordinator, errors: string[]): Promise<Told> {
    const send = (client: NodeClient) =>
      drawn.kind === 'put'
        ? client.put(drawn.key, { kind: 'text', text: drawn.text }, this.#callOptions(drawn))
        : client.delete(drawn.key, this.#callOptions(drawn));
    const write = async (to: Coordinator): Promise<Told & { readonly mayRetry?: boolean }> => {
      try {
        const { version } = await this.#coordinators.ask(to, 'writes', drawn.level, send);
        return { outcome: 'ok', version };
      } catch (thrown: unknown) {
        const error = QuorateError.from(thrown);
        const { mayHaveApplied, retryable } = error;
        errors.push(wordsOf(to, error));
        if (mayHaveApplied) return { outcome: 'uncertain' };
        return { outcome: 'failed', mayRetry: retryable };
      }
    };
    const told = await write(coordinator);
    return told.mayRetry === true
      ? write(await this.#coordinators.other('writes', coordinator))
      : told;
  }

  #callOptions({ level }: Drawn) {
    return { consistency: level, timeoutMs: this.#options.timeoutMs };
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

function wordsOf({ name }: Coordinator, { code, details }: QuorateError): string {
  const { reason, replicas } = details;
  return [code, 'from', name, ...(reason === undefined ? [] : [reason]), replicas].join(' ').trim();
}

/** What a promise settles with, or `undefined` if that takes longer. */
async function withinMs<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  const value = await Promise.race([promise, late]);
  clearTimeout(timer);
  return value;
}

/** Settles with what was told if that is good, else when all have been told. */
async function onlyOk(told: Promise<Told>, all: readonly Promise<Told>[]): Promise<Told> {
  const first = await told;
  if (first.outcome === 'ok') return first;
  const others = await Promise.all(all);
  return others.find(({ outcome }) => outcome === 'ok') ?? first;
}
