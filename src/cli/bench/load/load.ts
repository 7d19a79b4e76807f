import type { RecordableHistogram } from 'node:perf_hooks';
import type { Distribution } from './key-choice.ts';

/** What a load is, and what comes of it; both travel between threads. */

/** When calls are made. */
export type Pace =
  /** One that succeeds for each key, so many at once on each connection. */
  | { readonly kind: 'once'; readonly inFlight: number }
  /** So many callers on each connection, each of which waits for its answer. */
  | { readonly kind: 'closed'; readonly inFlight: number; readonly durationMs: number }
  /** So many in all, at even distances, whatever has been answered. */
  | { readonly kind: 'open'; readonly perSecond: number; readonly durationMs: number };

export interface Load<Subject> {
  /** Whom to call, and how: what the threads were made for. */
  readonly subject: Subject;
  readonly pace: Pace;
  /** How many connections make it; each is one client. */
  readonly connections: number;
  /** Keys are the numbers from `firstKey` on. */
  readonly firstKey: number;
  readonly keys: number;
  readonly distribution: Distribution;
}

/** One connection, or however many a client of the subject needs. */
export interface LoadClient {
  /** Makes one call. @returns whether the answer was right. @throws QuorateError */
  call(key: Buffer): Promise<boolean>;
  /** How many calls it can have open; an open loop gives it no more. */
  readonly inFlightMax: number;
  close(): void | Promise<void>;
}

/** What a load came to. */
export interface LoadOutcome {
  /** Calls that were made. */
  readonly calls: number;
  /** Of these, those with a wrong answer. */
  readonly wrong: number;
  /** Of these, those that failed, by the code of the error. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that an open loop owed when its time was over. */
  readonly unsent: number;
  readonly elapsedMs: number;
  /** Of right answers; and how long unsent calls had waited. */
  readonly latencies: RecordableHistogram;
  /** Of right answers in the first half, and of those to calls from 2 s after it. */
  readonly latenciesBefore: RecordableHistogram;
  readonly latenciesAfter: RecordableHistogram;
  /** Of calls that were refused for overload. */
  readonly refusals: RecordableHistogram;
  /** Right answers in each tenth of a second. */
  readonly perTenth: readonly number[];
}

/** What a phase needs before it measures how calls went on after its middle. */
export const settleMs = 2_000;
