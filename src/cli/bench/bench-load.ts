import { QuorateError } from '../../base/quorate-error.ts';
import type { EchoClient } from '../../client/echo-client.ts';
import type { NodeClient } from '../../client/node-client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { BenchOperation, PhaseSample } from './bench-plan.ts';

/**
 * Load in a closed loop: so many callers, each of which waits for its answer before it asks again.
 * Keys are visited in a fixed order that scatters over the ring; every phase visits the same ones.
 */
export interface BenchClients {
  readonly quorate: NodeClient;
  /** Of a cluster with its data on disk; the same as the other where there is none. */
  readonly durable: NodeClient;
  readonly echo: EchoClient;
}

/** A phase with so many failures is not a measurement. */
const errorsMax = 1_000;
const callsMax = 5_000_000;
/** How many keys are written or deleted at once, before and after. */
const setUpInFlight = 16;

/** The keys of a benchmark: their first bytes, and with them their tokens, go round the ring. */
export function benchKeys(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_none, index) => {
    const key = Buffer.from(`\0:bench:${String(index).padStart(6, '0')}`);
    // 151 has no factor in common with 256, so neighbours in time are not neighbours on the ring.
    key[0] = (index * 151) % 256;
    return key;
  });
}

/** How one call of an operation is made. */
export function benchCall(
  clients: BenchClients,
  operation: BenchOperation,
  valueBytes: number,
): (key: Buffer) => Promise<unknown> {
  const { quorate, durable, echo } = clients;
  const value = { kind: 'text', text: 'v'.repeat(valueBytes) } as const;
  switch (operation) {
    case 'echo':
      return (key) => echo.get(key);
    case 'get ONE':
      return (key) => quorate.get(key, { consistency: 'ONE' });
    case 'get QUORUM':
      return (key) => quorate.get(key, { consistency: 'QUORUM' });
    case 'put ONE':
      return (key) => quorate.put(key, value, { consistency: 'ONE' });
    case 'put QUORUM':
      return (key) => quorate.put(key, value, { consistency: 'QUORUM' });
    case 'get QUORUM, on disk':
      return (key) => durable.get(key, { consistency: 'QUORUM' });
    case 'put ONE, on disk':
      return (key) => durable.put(key, value, { consistency: 'ONE' });
    case 'put QUORUM, on disk':
      return (key) => durable.put(key, value, { consistency: 'QUORUM' });
  }
}

/**
 * Calls for so long, or until the signal. Settles when the last answer is there.
 *
 * @throws QuorateError the last failure, if there were too many.
 */
export async function runPhase(
  clock: Clock,
  keys: readonly Buffer[],
  options: { readonly inFlight: number; readonly durationMs: number; readonly signal: AbortSignal },
  call: (key: Buffer) => Promise<unknown>,
): Promise<PhaseSample> {
  const latenciesMs: number[] = [];
  const startMs = clock.monotonicMs();
  const endMs = startMs + options.durationMs;
  let calls = 0;
  let errors = 0;
  const caller = async (): Promise<void> => {
    while (clock.monotonicMs() < endMs && calls < callsMax && !options.signal.aborted) {
      const key = keys[calls++ % keys.length];
      if (key === undefined) return;
      const sentMs = clock.monotonicMs();
      try {
        await call(key);
        latenciesMs.push(clock.monotonicMs() - sentMs);
      } catch (error: unknown) {
        errors++;
        if (errors > errorsMax) throw QuorateError.from(error);
      }
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, caller));
  const elapsedMs = clock.monotonicMs() - startMs;
  return { calls, errors, elapsedMs, latenciesMs: Float64Array.from(latenciesMs) };
}

/** Calls once for each key, several at a time, until the signal. @throws QuorateError */
export async function callForEach(
  keys: readonly Buffer[],
  signal: AbortSignal,
  call: (key: Buffer) => Promise<unknown>,
): Promise<void> {
  const waiting = keys.values();
  const caller = async (): Promise<void> => {
    for (const key of waiting) {
      if (signal.aborted) return;
      await call(key);
    }
  };
  await Promise.all(Array.from({ length: setUpInFlight }, caller));
}
