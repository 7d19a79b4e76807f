import { availableParallelism } from 'node:os';
import { NodeClient } from '../../client/node-client.ts';
import { formatHostPort } from '../../config/replicas-file.ts';
import { SystemClock } from '../../runtime/system-clock.ts';
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { givenTarget } from '../target.ts';
import { print, say } from '../terminal.ts';
import { oneNodeOf } from '../with-client.ts';
import { type BenchArgs, type BenchFlags, readIntensities, withBenchFlags } from './bench-flags.ts';
import { BenchMeasurement } from './bench-measurement.ts';
import { BenchProgress, formatBenchTable } from './bench-output.ts';
import { benchOperations, planBench } from './bench-plan.ts';
import { withBenchProcesses } from './bench-processes.ts';
import { summarizeBench } from './bench-summary.ts';

/**
 * `quorate bench`: how fast gets and puts are, beside a bare gRPC call from the same threads in the
 * same minute, so that the machine divides out.
 */
export const benchCommand = defineCommand<BenchFlags>({
  command: 'bench',
  describe: 'Measure gets and puts beside a bare gRPC call',
  builder: (yargs) =>
    withBenchFlags(yargs)
      .example('$0 bench', 'own clusters of four nodes, in memory and on disk')
      .example('$0 bench -s 127.0.0.1:9090 --in-flight 64', 'a running cluster')
      .example('$0 bench --path pipelined --coordinators all --in-flight 1024', 'the fast path')
      .example('$0 bench --rate 2000 --read-share 0.9', 'an open loop, of gets and puts mixed')
      .epilogue(
        'One process makes the load, so its own speed is part of every figure: "of echo" says what Quorate costs. A running cluster gets keys that begin with one byte and ":bench:", and loses them at the end.',
      ),
  run: runBench,
});

async function runBench(args: BenchArgs): Promise<ExitCode> {
  const intensities = readIntensities(args);
  const target = givenTarget(args);
  const running = target === undefined ? undefined : await nodesOf(target);
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
  const { valueBytes, levels, readShare, mode, nodes, killNode, echo } = args;
  const places = running === undefined ? args.storage : [];
  const beside = echo ? ', and the echo' : '';
  if (places.length > 0) say(`bench: starting ${nodes} nodes (${places.join(', ')})${beside}`);
  const operations = benchOperations({
    levels,
    readShare,
    places: running === undefined ? args.storage : ['running'],
    echo,
  });
  const phases = planBench(args.rounds, intensities, operations);
  const options = { places, mode, nodes, valueBytes, echo, isKilling: killNode, say, signal };
  const samples = await withBenchProcesses(clock, options, (processes) => {
    const components = { clock, progress: new BenchProgress({ clock, stream: process.stderr }) };
    return new BenchMeasurement(components, args, processes, running, signal).take(phases);
  });
  const results = summarizeBench(phases, samples ?? []);
  if (signal.aborted) say('bench: interrupted; the result has fewer rounds, or is missing');
  if (args.json || args.output === 'json') {
    print(JSON.stringify({ ...describeRun(args, running), results }));
  } else if (results.length > 0) print(formatBenchTable(results));
  if (signal.aborted) process.exit(exitCode);
  return exitCodes.ok;
}

/** The nodes of a running cluster, as `host:port`: first the one that was named. */
async function nodesOf(target: string): Promise<readonly string[]> {
  const address = await oneNodeOf(target);
  const client = new NodeClient(address);
  try {
    const { node: self, nodes } = await client.describeCluster();
    return [address, ...nodes.filter(({ name }) => name !== self).map(formatHostPort)];
  } finally {
    client.close();
  }
}

/** What the figures depend on. */
function describeRun(args: BenchArgs, running: readonly string[] | undefined) {
  const { seconds, rounds, keys, valueBytes, distribution, path, coordinators } = args;
  return {
    server: running?.[0] ?? 'own clusters',
    ...(running === undefined && { mode: args.mode, storage: args.storage, nodes: args.nodes }),
    ...{ seconds, rounds, keys, valueBytes, distribution, path, coordinators },
    connections: args.connections,
    killNode: args.killNode,
    nodeVersion: process.version,
    processors: availableParallelism(),
  };
}
