import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RepairMode } from '../../config/choices.ts';
import { formatHostPort, type NodeAddress } from '../../config/replicas-file.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LaunchedNode } from '../cluster/launched-node.ts';
import { LocalCluster } from '../cluster/local-cluster.ts';
import { freePorts, host } from './free-ports.ts';

/**
 * The processes of a benchmark, on free loopback ports: a cluster in memory, one on disk, and the
 * echo. They end with this process, however that ends.
 */
export interface BenchProcesses {
  /** Where the echo is, as `host:port`; nowhere if it is not wanted. */
  readonly echo: string;
  readonly echoPids: () => readonly number[];
  /** The clusters that were started. */
  readonly own: Readonly<Partial<Record<OwnPlace, OwnCluster>>>;
}

/** Where an own cluster keeps its data. */
export const ownPlaces = ['memory', 'disk'] as const;

type OwnPlace = (typeof ownPlaces)[number];

export interface OwnCluster {
  /** Its nodes, as `host:port`. */
  readonly addresses: readonly string[];
  /** Of those of its nodes that run. */
  readonly pids: () => readonly number[];
  /** Ends its second node without warning. */
  readonly killNode: () => Promise<void>;
  /** Starts that again; settles when all nodes have met. @throws QuorateError */
  readonly restartNode: () => Promise<void>;
}

interface BenchProcessesOptions {
  /** Starts a cluster for each. */
  readonly places: readonly OwnPlace[];
  readonly mode: RepairMode;
  /** Of each cluster. */
  readonly nodes: number;
  readonly echo: boolean;
  /** The size of the echo's answers. */
  readonly valueBytes: number;
  /** Whether nodes will be killed: what clusters say of that is not passed on. */
  readonly isKilling: boolean;
  readonly say: (sentence: string) => void;
  /** Gives up while they start. */
  readonly signal: AbortSignal;
}

/** Starts them, uses them, and ends them. @returns `undefined` if it was given up. */
export async function withBenchProcesses<Result>(
  clock: Clock,
  options: BenchProcessesOptions,
  use: (processes: BenchProcesses) => Promise<Result>,
): Promise<Result | undefined> {
  const { places, nodes } = options;
  const [echoPort, ...ports] = await freePorts(1 + places.length * nodes);
  const echoAddress = { name: 'echo', host, port: echoPort ?? 0 };
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'));
  const echo = options.echo ? launchEcho(echoAddress, options) : undefined;
  const clusters = places.map((place, index) => {
    const replicas = replicasAt(ports.slice(index * nodes, (index + 1) * nodes));
    return launchCluster(clock, { ...options, folder, replicas, place });
  });
  try {
    const started = Promise.all([echo?.start(), ...clusters.map(({ cluster }) => cluster.start())]);
    await Promise.race([started, abortion(options.signal)]);
    if (options.signal.aborted) return undefined;
    return await use({
      echo: formatHostPort(echoAddress),
      echoPids: () => (echo?.pid === undefined ? [] : [echo.pid]),
      own: Object.fromEntries(clusters.map(({ place, own }) => [place, own])),
    });
  } finally {
    await Promise.all([echo?.kill(), ...clusters.map(({ cluster }) => cluster.stop())]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function abortion(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

function launchEcho({ name, port }: NodeAddress, options: BenchProcessesOptions): LaunchedNode {
  return new LaunchedNode({
    name,
    args: ['echo', String(port), String(options.valueBytes)],
    onLine: options.say,
    onExit: ({ how, wasTold }) => wasTold || options.say(`the echo has ended (${how})`),
  });
}

function replicasAt(ports: readonly number[]): readonly NodeAddress[] {
  return ports.map((port, index) => ({ name: `replica${index}`, host, port }));
}

interface ClusterOptions extends BenchProcessesOptions {
  readonly folder: string;
  readonly replicas: readonly NodeAddress[];
  readonly place: OwnPlace;
}

function launchCluster(clock: Clock, options: ClusterOptions) {
  const { folder, replicas, place, mode, say } = options;
  const file = join(folder, `${place}.txt`);
  const lines = replicas.map((replica) => `${replica.name} ${replica.host} ${replica.port}\n`);
  writeFileSync(file, lines.join(''));
  const cluster = new LocalCluster(
    { clock },
    {
      replicas,
      restarts: false,
      argsOf: ({ name, port }) => [
        ...['replica', name, String(port), file, mode],
        place === 'disk' ? `--data-dir=${join(folder, name)}` : '--in-memory',
        '--log-level=error',
      ],
      // A node that is killed is missed by the others, which need not be said.
      onLine: (node, line) => options.isKilling || say(`${node} | ${line}`),
      say: (sentence) => options.isKilling || say(sentence),
    },
  );
  const victim = replicas[1]?.name ?? '';
  const own: OwnCluster = {
    addresses: replicas.map(formatHostPort),
    pids: () => cluster.pids(),
    killNode: () => cluster.kill(victim),
    restartNode: async () => {
      await cluster.restart(victim);
      await cluster.meet();
    },
  };
  return { place, cluster, own };
}
