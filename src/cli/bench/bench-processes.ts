import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QuorateError } from '../../base/quorate-error.ts';
import type { RepairMode } from '../../config/choices.ts';
import { formatHostPort, type NodeAddress } from '../../config/replicas-file.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LaunchedNode } from '../cluster/launched-node.ts';
import { LocalCluster } from '../cluster/local-cluster.ts';

/**
 * The processes of a benchmark, on free loopback ports: a cluster in memory, one on disk, and the
 * echo. They end with this process, however that ends.
 */
export interface BenchProcesses {
  /** Where the echo is, as `host:port`. */
  readonly echo: string;
  /** The coordinators of the clusters that were started, as `host:port`. */
  readonly own: { readonly memory: string; readonly durable: string } | undefined;
}

export interface BenchProcessesOptions {
  /** Starts two clusters of four nodes in this mode, if there is one. */
  readonly mode: RepairMode | undefined;
  /** The size of the echo's answers. */
  readonly valueBytes: number;
  readonly say: (sentence: string) => void;
  /** Gives up while they start. */
  readonly signal: AbortSignal;
}

const host = '127.0.0.1';
const nodes = 4;

/** Starts them, uses them, and ends them. @returns `undefined` if it was given up. */
export async function withBenchProcesses<Result>(
  clock: Clock,
  options: BenchProcessesOptions,
  use: (processes: BenchProcesses) => Promise<Result>,
): Promise<Result | undefined> {
  const [echoPort, ...ports] = await freePorts(1 + 2 * nodes);
  const echoAddress = { name: 'echo', host, port: echoPort ?? 0 };
  const [memory, durable] = [replicasAt(ports.slice(0, nodes)), replicasAt(ports.slice(nodes))];
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'));
  const echo = launchEcho(echoAddress, options);
  const { mode, say } = options;
  const clusters =
    mode === undefined
      ? []
      : [
          launchCluster(clock, { folder, replicas: memory, isDurable: false, mode, say }),
          launchCluster(clock, { folder, replicas: durable, isDurable: true, mode, say }),
        ];
  try {
    const started = Promise.all([echo.start(), ...clusters.map((cluster) => cluster.start())]);
    await Promise.race([started, abortion(options.signal)]);
    if (options.signal.aborted) return undefined;
    const own = mode && { memory: coordinatorOf(memory), durable: coordinatorOf(durable) };
    return await use({ echo: formatHostPort(echoAddress), own });
  } finally {
    await Promise.all([echo.kill(), ...clusters.map((cluster) => cluster.stop())]);
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

function coordinatorOf([first]: readonly NodeAddress[]): string {
  return first === undefined ? '' : formatHostPort(first);
}

interface OwnCluster {
  readonly folder: string;
  readonly replicas: readonly NodeAddress[];
  readonly isDurable: boolean;
  readonly mode: RepairMode;
  readonly say: (sentence: string) => void;
}

function launchCluster(
  clock: Clock,
  { folder, replicas, isDurable, mode, say }: OwnCluster,
): LocalCluster {
  const file = join(folder, isDurable ? 'durable.txt' : 'memory.txt');
  const lines = replicas.map((replica) => `${replica.name} ${replica.host} ${replica.port}\n`);
  writeFileSync(file, lines.join(''));
  return new LocalCluster(
    { clock },
    {
      replicas,
      restarts: false,
      argsOf: ({ name, port }) => [
        ...['replica', name, String(port), file, mode],
        isDurable ? `--data-dir=${join(folder, name)}` : '--in-memory',
        '--log-level=error',
      ],
      onLine: (node, line) => say(`${node} | ${line}`),
      say,
    },
  );
}

/** Ports that were all free at once a moment ago. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(listenAnywhere));
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return ports;
}

function listenAnywhere(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host} (${error.message}): a benchmark needs free ports there`;
      reject(new QuorateError('CONFIGURATION', {}, message, { cause: error }));
    });
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
