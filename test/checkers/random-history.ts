import fc from 'fast-check';
import { consistencyLevels, isLinearizable } from '../../src/consistency/consistency-level.ts';
import { expiriesOf } from './expiry.ts';
import type { Call } from './history.ts';

/** Times that are often equal. */
function hundreds(max: number): fc.Arbitrary<number> {
  return fc.nat({ max }).map((count) => count * 100);
}

/** What is tossed for a call of one key; times are small, so that calls overlap and expire. */
const tossed = fc.record({
  kind: fc.constantFrom<Call['kind'] | 'forget'>('get', 'get', 'put', 'put', 'delete', 'forget'),
  level: fc.oneof(
    { weight: 3, arbitrary: fc.constant('QUORUM' as const) },
    { weight: 2, arbitrary: fc.constantFrom(...consistencyLevels) },
  ),
  /** The ends of what happens late or never are not heard. */
  fate: fc.constantFrom('in time', 'in time', 'in time', 'in time', 'late', 'never', 'failed'),
  startMs: fc.oneof(fc.nat({ max: 800 }), fc.nat({ max: 4_000 }), hundreds(12)),
  beforeMs: fc.oneof(fc.nat({ max: 400 }), hundreds(4)),
  afterMs: fc.oneof(fc.nat({ max: 400 }), hundreds(4)),
  ttlMs: fc.option(fc.integer({ min: 1, max: 2_000 }), { freq: 2, nil: undefined }),
  /** By how much the clock that judges expiry is wrong. */
  skewMs: fc.integer({ min: -250, max: 250 }),
  /** Whether a weak write gets a version that is already old. */
  isBehind: fc.boolean(),
});

type Tossed = typeof tossed extends fc.Arbitrary<infer Value> ? Value : never;

/** What a register holds: nobody reads a text after its time. */
interface Held {
  readonly version: string;
  readonly text: string | undefined;
  readonly expireTimeMs?: number;
}

/** Calls of one key, and what a register holds after it did one after the other. */
interface TrueHistory {
  readonly calls: readonly Call[];
  readonly held: Held;
}

export function trueHistories(constraints: fc.ArrayConstraints): fc.Arbitrary<TrueHistory> {
  return fc.array(tossed, constraints).map(runRegister);
}

/** When nothing happens any more. */
export const overMs = 10_000;

/** Histories that mean nothing: a get may find the text of any put, or nothing. */
export function anyHistories(constraints: fc.ArrayConstraints): fc.Arbitrary<readonly Call[]> {
  const picks = fc.infiniteStream(fc.nat({ max: 5 }));
  return fc.tuple(fc.array(tossed, constraints), picks).map(([all, numbers]) => {
    const { calls } = runRegister(all);
    const puts = calls.filter(({ kind }) => kind === 'put');
    const expiries = expiriesOf(puts);
    return calls.map((call) => {
      if (call.kind !== 'get') return call;
      const { expireTimeMs: _, ...rest } = call;
      const text = puts[numbers.next().value ?? 0]?.text;
      const expireTimeMs = text === undefined ? undefined : expiries.get(text);
      return { ...rest, text, ...(expireTimeMs !== undefined && { expireTimeMs }) };
    });
  });
}

function runRegister(all: readonly Tossed[]): TrueHistory {
  const register = new Register();
  const calls = all
    .map((one, index) => ({ one, index, atMs: one.startMs + one.beforeMs * latenessOf(one) }))
    .sort((left, right) => left.atMs - right.atMs)
    .flatMap(({ one, index, atMs }) => register.call(one, `${index}`, atMs));
  return { calls, held: register.held };
}

function latenessOf({ fate }: Tossed): number {
  return fate === 'late' ? 10 : 1;
}

class Register {
  #held: Held = { version: '', text: undefined };
  #clock = 0;

  get held(): Held {
    return this.#held;
  }

  /** What happens at one moment, as the client hears of it. */
  call(one: Tossed, name: string, atMs: number): Call[] {
    const { kind } = one;
    if (kind === 'forget') {
      this.#forget(atMs);
      return [];
    }
    const common = { client: `c${name}`, key: 'k', level: one.level, startMs: one.startMs };
    const endMs = atMs + one.afterMs;
    if (kind === 'get') return [{ ...common, ...this.#get(one, atMs), kind, endMs, outcome: 'ok' }];
    const { ttlMs } = one;
    const written = {
      text: kind === 'put' ? `text ${name}` : undefined,
      ...(kind === 'put' && ttlMs !== undefined && { expireTimeMs: one.startMs + ttlMs }),
    };
    const call = { ...common, ...written, kind, version: '' };
    if (one.fate === 'failed') return [{ ...call, endMs, outcome: 'failed' }];
    const version = one.fate === 'never' ? '' : this.#write(one, name, written);
    if (one.fate !== 'in time') return [{ ...call, endMs: undefined, outcome: 'uncertain' }];
    return [{ ...call, version, endMs, outcome: 'ok' }];
  }

  #get({ skewMs }: Tossed, atMs: number): Held {
    const { version, text, expireTimeMs } = this.#held;
    const isGone = expireTimeMs !== undefined && atMs + skewMs >= expireTimeMs;
    return {
      version,
      text: isGone ? undefined : text,
      ...(expireTimeMs !== undefined && { expireTimeMs }),
    };
  }

  #write({ level, isBehind }: Tossed, name: string, written: Omit<Held, 'version'>): string {
    if (isBehind && !isLinearizable(level) && this.#clock > 0) {
      return versionOf(this.#clock - 1, `w${name}`);
    }
    this.#clock += 2;
    const version = versionOf(this.#clock, 'n');
    this.#held = { ...written, version };
    return version;
  }

  /** A floor takes the place of what was deleted or expired long ago. */
  #forget(atMs: number): void {
    const { text, expireTimeMs = Number.POSITIVE_INFINITY } = this.#held;
    if (text !== undefined && expireTimeMs + 1_000 > atMs) return;
    this.#clock += 2;
    this.#held = { version: versionOf(this.#clock, '!'), text: undefined };
  }
}

function versionOf(clock: number, node: string): string {
  return `${clock.toString().padStart(6, '0')}-${node}`;
}
