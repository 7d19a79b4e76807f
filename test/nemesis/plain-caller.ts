import { QuorateError } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type Caller, outcomeOf, type Told, type Wish, wordsOf } from './caller.ts';
import { type Coordinator, type Coordinators, suspectAfterMs } from './coordinators.ts';

/**
 * As a client in any language can do it, with unary calls. One that certainly did nothing goes once
 * more, to one other coordinator; so does a read that has no answer after a while. A write with an
 * uncertain outcome is never sent again.
 */
export class PlainCaller implements Caller {
  readonly #coordinators: Coordinators;
  readonly #timeoutMs: number;

  constructor(coordinators: Coordinators, timeoutMs: number) {
    this.#coordinators = coordinators;
    this.#timeoutMs = timeoutMs;
  }

  async call(wish: Wish): Promise<Told> {
    const isRead = wish.kind === 'get';
    const coordinator = await this.#coordinators.first(isRead ? 'reads' : 'writes');
    return isRead ? this.#read(wish, coordinator) : this.#write(wish, coordinator);
  }

  async stop(): Promise<void> {
    this.#coordinators.stop();
  }

  async #read(wish: Wish, coordinator: Coordinator): Promise<Told> {
    const first = this.#ask(wish, coordinator);
    const early = await withinMs(first, suspectAfterMs);
    if (early?.outcome === 'ok') return early;
    const second = this.#coordinators
      .other('reads', coordinator)
      .then((other) => this.#ask(wish, other));
    return bestOf(first, second);
  }

  async #write(wish: Wish, coordinator: Coordinator): Promise<Told> {
    const first = await this.#ask(wish, coordinator);
    if (first.outcome !== 'failed' || !first.mayRetry) return first;
    const other = await this.#coordinators.other('writes', coordinator);
    return joined(first, await this.#ask(wish, other));
  }

  async #ask(wish: Wish, from: Coordinator): Promise<Told & { readonly mayRetry?: boolean }> {
    const side = wish.kind === 'get' ? 'reads' : 'writes';
    const startMs = performance.now();
    try {
      const answer = await this.#coordinators.ask(from, side, wish.level, (client) =>
        this.#send(wish, client),
      );
      return { outcome: 'ok', startMs, ...answer, errors: [] };
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      const errors = [`${wordsOf(error)} from ${from.name}`];
      return { outcome: outcomeOf(error, wish), startMs, errors, mayRetry: error.retryable };
    }
  }

  async #send({ kind, key, text, level: consistency }: Wish, client: NodeClient) {
    const options = { consistency, timeoutMs: this.#timeoutMs };
    if (kind === 'put') {
      return { version: (await client.put(key, { kind: 'text', text }, options)).version };
    }
    if (kind === 'delete') return { version: (await client.delete(key, options)).version };
    const { value, version } = await client.get(key, options);
    return { text: value?.kind === 'text' ? value.text : undefined, version };
  }
}

/** The outcome of a second attempt, and the story of both. */
function joined(first: Told, second: Told): Told {
  return { ...second, startMs: first.startMs, errors: [...first.errors, ...second.errors] };
}

/** Settles with the first that is ok, else when both have failed. */
async function bestOf(first: Promise<Told>, second: Promise<Told>): Promise<Told> {
  const orBoth = async (told: Promise<Told>, other: Promise<Told>) => {
    const one = await told;
    return one.outcome === 'ok' ? one : other;
  };
  return Promise.race([orBoth(first, second), orBoth(second, first)]);
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
