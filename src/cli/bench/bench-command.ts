import { availableParallelism } from 'node:os';
import { QuorateError } from '../../base/quorate-error.ts';
import { EchoClient } from '../../client/echo-client.ts';
import { NodeClient } from '../../client/node-client.ts';
import type { Clock } from '../../runtime/clock.ts';
import { SystemClock } from '../../runtime/system-clock.ts';
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { givenTarget } from '../target.ts';
import { print, say } from '../terminal.ts';
import { oneNodeOf } from '../with-client.ts';
import { type BenchArgs, type BenchFlags, withBenchFlags } from './bench-flags.ts';
import { type BenchClients, benchCall, benchKeys, callForEach, runPhase } from './bench-load.ts';
import { BenchProgress, formatBenchTable, formatPhase, formatSample } from './bench-output.ts';
import {
  type BenchOperation,
  type BenchPhase,
  benchOperations,
  ownOperations,
  type PhaseSample,
  planBench,
  summarizeBench,
} from './bench-plan.ts';
import { type BenchProcesses, withBenchProcesses } from './bench-processes.ts';

/** Code that was just compiled is not what is measured: so long for each operation, or a phase. */
const warmUpMsMax = 1_000;
const warmUpInFlight = 64;

/**
 * `quorate bench`: how fast gets and puts are through one coordinator, beside a bare gRPC call
 * from the same client process in the same minute, so that the machine divides out.
 */
export const benchCommand = defineCommand<BenchFlags>({
  command: 'bench',
  describe: 'Measure gets and puts beside a bare gRPC call',
  builder: (yargs) =>
    withBenchFlags(yargs)
      .example('$0 bench', 'own clusters of four nodes, in memory and on disk')
      .example('$0 bench -s 127.0.0.1:9090 --in-flight 64', 'a running cluster')
      .epilogue(
        'One process makes the load, so its own speed is part of every figure: "of echo" says what Quorate costs. A running cluster gets keys that begin with one byte and ":bench:", and loses them at the end.',
      ),
  run: runBench,
});

async function runBench(flags: BenchArgs): Promise<ExitCode> {
  const target = givenTarget(flags);
  const args = { ...flags, server: target && (await oneNodeOf(target)) };
  const interrupt = new AbortController();
  let exitCode: number = exitCodes.ok;
  const stop = (code: number) => {
    if (interrupt.signal.aborted) process.exit(code);
    exitCode = code;
    interrupt.abort();
  };
  process.on('SIGINT', () => stop(130));
  process.on('SIGTERM', () => stop(143));
  process.on('SIGHUP', () => stop(129));
  const clock = new SystemClock();
  const { signal } = interrupt;
  const { valueBytes, server } = args;
  const mode = server === undefined ? args.mode : undefined;
  if (mode !== undefined) say('bench: starting four nodes in memory, four on disk, and the echo');
  const operations = mode === undefined ? benchOperations : ownOperations;
  const phases = planBench(args.rounds, args.inFlight, operations);
  const samples = await withBenchProcesses(clock, { mode, valueBytes, say, signal }, (processes) =>
    measure(clock, args, processes, phases, signal),
  );
  const results = summarizeBench(phases, samples ?? []);
  if (signal.aborted) say('bench: interrupted; the result has fewer rounds, or is missing');
  if (args.output === 'json') print(JSON.stringify({ ...describeRun(args), results }));
  else if (results.length > 0) print(formatBenchTable(results));
  if (signal.aborted) process.exit(exitCode);
  return exitCodes.ok;
}

/** Measures all phases, or those before the signal. */
async function measure(
  clock: Clock,
  args: BenchArgs,
  processes: BenchProcesses,
  phases: readonly BenchPhase[],
  signal: AbortSignal,
): Promise<readonly PhaseSample[]> {
  const clients: BenchClients = {
    quorate: new NodeClient(args.server ?? processes.own?.memory ?? ''),
    durable: new NodeClient(args.server ?? processes.own?.durable ?? ''),
    echo: new EchoClient(clock, processes.echo),
  };
  const keys = benchKeys(args.keys);
  const progress = new BenchProgress(process.stderr);
  const samples: PhaseSample[] = [];
  const run = (operation: BenchOperation, inFlight: number, durationMs: number) =>
    runPhase(
      clock,
      keys,
      { inFlight, durationMs, signal },
      benchCall(clients, operation, args.valueBytes),
    );
  try {
    progress.begin('writing the keys');
    for (const put of ['put QUORUM', 'put QUORUM, on disk'] as const) {
      await callForEach(keys, signal, benchCall(clients, put, args.valueBytes));
    }
    progress.begin('warming up');
    const warmUpMs = Math.min(warmUpMsMax, args.seconds * 1_000);
    for (const operation of new Set(phases.map((phase) => phase.operation))) {
      await run(operation, warmUpInFlight, warmUpMs);
    }
    for (const [index, { operation, inFlight }] of phases.entries()) {
      const what = formatPhase(phases, index);
      progress.begin(what);
      const sample = await run(operation, inFlight, args.seconds * 1_000);
      if (signal.aborted) break;
      samples.push(sample);
      progress.end(what, formatSample(sample));
    }
    return samples;
  } finally {
    progress.close();
    if (args.server !== undefined) await removeKeys(clients, keys);
    clients.quorate.close();
    clients.durable.close();
    clients.echo.close();
  }
}

/** Deletes from a cluster that is not our own what was written to it. */
async function removeKeys(clients: BenchClients, keys: readonly Buffer[]): Promise<void> {
  try {
    const { signal } = new AbortController();
    await callForEach(keys, signal, (key) => clients.quorate.delete(key));
  } catch (error: unknown) {
    say(`bench: the keys could not be deleted: ${QuorateError.from(error).message}`);
  }
}

/** What the figures depend on. */
function describeRun({ server, mode, seconds, rounds, keys, valueBytes }: BenchArgs) {
  return {
    server: server ?? 'own clusters of four nodes, in memory and on disk',
    ...(server === undefined && { mode }),
    seconds,
    rounds,
    keys,
    valueBytes,
    nodeVersion: process.version,
    processors: availableParallelism(),
  };
}
