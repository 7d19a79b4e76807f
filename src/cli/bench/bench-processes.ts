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
 * The processes of a benchmark, on free loopback ports: a cluster in memory and the echo. They end
 * with this process, however that ends.
 */
export interface BenchProcesses {
  /** Where the echo is, as `host:port`. */
  readonly echo: string;
  /** The coordinator of the cluster that was started, as `host:port`. */
  readonly server: string | undefined;
}

export interface BenchProcessesOptions {
  /** Starts four nodes in this mode, if there is one. */
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
  const [echoPort, ...ports] = await freePorts(1 + nodes);
  const echoAddress = { name: 'echo', host, port: echoPort ?? 0 };
  const replicas = ports.map((port, index) => ({ name: `replica${index}`, host, port }));
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'));
  const echo = launchEcho(echoAddress, options);
  const cluster = options.mode && launchCluster(clock, folder, replicas, options.mode, options.say);
  try {
    const started = Promise.all([echo.start(), cluster?.start()]);
    await Promise.race([started, abortion(options.signal)]);
    if (options.signal.aborted) return undefined;
    const [coordinator] = replicas;
    const server = cluster && coordinator && formatHostPort(coordinator);
    return await use({ echo: formatHostPort(echoAddress), server });
  } finally {
    await Promise.all([echo.kill(), cluster?.stop()]);
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

function launchCluster(
  clock: Clock,
  folder: string,
  replicas: readonly NodeAddress[],
  mode: RepairMode,
  say: (sentence: string) => void,
): LocalCluster {
  const file = join(folder, 'replicas.txt');
  const lines = replicas.map((replica) => `${replica.name} ${replica.host} ${replica.port}\n`);
  writeFileSync(file, lines.join(''));
  return new LocalCluster(
    { clock },
    {
      replicas,
      restarts: false,
      argsOf: ({ name, port }) => [
        ...['replica', name, String(port), file, mode],
        ...['--in-memory', '--log-level=error'],
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
