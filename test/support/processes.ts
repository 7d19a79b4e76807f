/**
 * Real nodes as processes of this machine, for the tests in test/integration/: commands run to
 * their end, nodes and whole clusters on free ports with their files in a temporary folder. All
 * that was started is ended by its process id; processes also end by themselves when the test
 * process is gone. Nothing sleeps for a fixed time: wait for conditions with {@link until}.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NodeClient, type NodeClientOptions } from '../../src/client/node-client.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';

const mainPath = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const host = '127.0.0.1';
const untilMsDefault = 10_000;
/** Many nodes that start at once have to share the machine. */
const readyMsMax = 30_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CliOptions {
  readonly cwd?: string;
  /**
   * On top of this process's environment, from which all `QUORATE_*` are removed. Nodes keep their
   * data in memory unless a flag says otherwise.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** What the process reads and then the end; without it, stdin is open and empty. */
  readonly input?: string | Uint8Array;
}

/** A running `quorate` command. */
export class CliProcess {
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  #isReady = false;
  /** How it ended, once it has and all its output is here. */
  readonly exited: Promise<Exit>;
  #exit: Exit | undefined;

  constructor(args: readonly string[], options: CliOptions = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('QUORATE_'));
    const runsNodes = ['replica', 'cluster'].includes(args[0] ?? '');
    const isPlaced = args.some((word) => /^--(data-dir|in-memory)/.test(word));
    const place = runsNodes && !isPlaced ? { QUORATE_IN_MEMORY: 'true' } : {};
    this.#child = spawn(process.execPath, [mainPath, ...args], {
      cwd: options.cwd,
      env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...place, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.#child.stdin?.on('error', () => undefined);
    if (options.input !== undefined) this.#child.stdin?.end(options.input);
    this.#child.on('message', () => {
      this.#isReady = true;
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Bytes written to stdout so far. */
  get stdoutBytes(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stdout(): string {
    return this.stdoutBytes.toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** How it ended, or `undefined` while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Whether a node said that it is ready. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Closes the reading end of its stdout, as `head` does. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it without warning; settles when it is gone. */
  async kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  /** Waits until the condition holds. @throws Error with all output if it ends before, or in time. */
  async until(what: string, holds: () => boolean, timeoutMs?: number): Promise<void> {
    const isOver = () => this.#exit !== undefined || holds();
    await until(() => `${what}\n${this.stdout}${this.stderr}`, isOver, timeoutMs);
    if (holds()) return;
    throw new Error(`it ended before ${what}: ${this.stdout}${this.stderr}`);
  }
}

/** Waits until a condition holds, asking every 20 ms. @throws Error after `timeoutMs`, with `what`. */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  timeoutMs = untilMsDefault,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) {
      const text = typeof what === 'string' ? what : what();
      throw new Error(`not within ${timeoutMs} ms: ${text}`);
    }
    await sleep(20);
  }
}

/** Runs a `quorate` command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}) {
  const started = new CliProcess(args, { input: '', ...options });
  const { code, signal } = await started.exited;
  const { stdout, stdoutBytes, stderr } = started;
  return { code, signal, stdout, stdoutBytes, stderr };
}

// Below the ports that the machine gives to outgoing connections, and apart for each process.
let nextPort = 10_000 + ((process.pid * 61) % 18_000);

/** Ports that nothing listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    nextPort += 1;
    if (await isFree(nextPort)) ports.push(nextPort);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** Whether a process of this id runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A folder of its own, and how to remove it. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'quorate-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes a replicas file with nodes `replica0`... on these ports. @returns its path. */
export function writeReplicas(
  folder: string,
  ports: readonly number[],
  file = 'replicas.txt',
): string {
  const path = join(folder, file);
  writeFileSync(path, ports.map((port, index) => `replica${index} ${host} ${port}\n`).join(''));
  return path;
}

export interface StartNodeOptions extends CliOptions {
  readonly name: string;
  readonly port: number;
  readonly replicasFile: string;
  /** BOTH by default. */
  readonly mode?: RepairMode;
  /** More flags of `quorate replica`. */
  readonly args?: readonly string[];
}

/** Starts one node and waits until it is ready. @throws Error with its output if it ends before. */
export async function startNode(options: StartNodeOptions): Promise<CliProcess> {
  const { name, port, replicasFile, mode = 'BOTH', args = [] } = options;
  const words = ['replica', name, String(port), replicasFile, mode, ...args];
  const started = new CliProcess(words, options);
  await started.until(`${name} is ready`, () => started.isReady);
  return started;
}

export interface StartClusterOptions {
  /** How many nodes; 4 by default. */
  readonly nodes?: number;
  readonly mode?: RepairMode;
  /** Whether the nodes keep their data on disk; not by default. */
  readonly isDurable?: boolean;
  /** More flags of `quorate replica`, for every node. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port by which a node reaches another, where that is not the other's own. */
  readonly peerPort?: (from: string, to: string) => number | undefined;
}

/** Starts nodes `replica0`... as processes and waits until they have met. */
export async function startCluster(options: StartClusterOptions = {}): Promise<ProcessCluster> {
  const cluster = new ProcessCluster(options, await freePorts(options.nodes ?? 4));
  try {
    await cluster.start();
    return cluster;
  } catch (error: unknown) {
    await cluster.stop();
    throw error;
  }
}

/** A cluster whose nodes are killed, paused and given wrong clocks by name. */
export class ProcessCluster {
  readonly folder = temporaryFolder();
  readonly replicasFile: string;
  /** `replica0`... in the order of the file. */
  readonly names: readonly string[];
  readonly #options: StartClusterOptions;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #nodes = new Map<string, CliProcess>();
  readonly #clients: NodeClient[] = [];

  constructor(options: StartClusterOptions, ports: readonly number[]) {
    this.#options = options;
    this.#ports = new Map(ports.map((port, index) => [`replica${index}`, port]));
    this.names = [...this.#ports.keys()];
    this.replicasFile = writeReplicas(this.folder.path, ports);
  }

  /** Where a node is, as `host:port`. */
  address(name: string): string {
    return `${host}:${this.#port(name)}`;
  }

  /** The process of a node that was started. */
  node(name: string): CliProcess {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name} was started`);
    return node;
  }

  /** A client of one node; closed with the cluster. */
  client(name: string, options?: NodeClientOptions): NodeClient {
    const client = new NodeClient(this.address(name), options);
    this.#clients.push(client);
    return client;
  }

  /** Starts all nodes and waits until they have met. */
  async start(): Promise<void> {
    await Promise.all(this.names.map((name) => this.#start(name)));
    await this.untilMet();
  }

  /** Waits until each of these nodes sees each other of them, clocks compared. */
  async untilMet(names: readonly string[] = this.names, timeoutMs?: number): Promise<void> {
    const clients = names.map((name) => new NodeClient(this.address(name)));
    const hasMet = async (client: NodeClient) => {
      try {
        const { status, clock, nodes } = await client.describeCluster();
        const up = nodes.filter(({ liveness }) => liveness === 'up').map(({ name }) => name);
        const isCompared = names.length === 1 || clock !== 'uncompared';
        return status === 'ready' && isCompared && names.every((name) => up.includes(name));
      } catch {
        return false;
      }
    };
    try {
      await until(
        `${names.join(', ')} have met`,
        async () => (await Promise.all(clients.map(hasMet))).every(Boolean),
        timeoutMs,
      );
    } finally {
      for (const client of clients) client.close();
    }
  }

  /** Waits until a node sees another as up, down or unknown. */
  async untilSeen(by: string, name: string, liveness: 'up' | 'down' | 'unknown'): Promise<void> {
    const client = this.client(by);
    await until(`${by} sees ${name} ${liveness}`, async () => {
      const { nodes } = await client.describeCluster();
      return nodes.some((node) => node.name === name && node.liveness === liveness);
    });
    client.close();
  }

  /** Ends a node without warning; settles when it is gone. */
  async kill(name: string): Promise<void> {
    await this.node(name).kill();
  }

  /** Asks a node to stop, and waits for that. */
  async stopNode(name: string): Promise<Exit> {
    this.node(name).signal('SIGTERM');
    return this.node(name).exited;
  }

  /** Freezes a node, as a long pause of its process would. */
  pause(name: string): void {
    this.node(name).signal('SIGSTOP');
  }

  resume(name: string): void {
    this.node(name).signal('SIGCONT');
  }

  /** Starts a node, after killing it if it runs; settles when it is ready. */
  async restart(name: string, ...flags: readonly string[]): Promise<void> {
    await this.#nodes.get(name)?.kill();
    await this.#start(name, flags);
  }

  /** Where a node keeps its data. */
  directory(name: string): string {
    return join(this.folder.path, 'data', name);
  }

  /** Sets how far a node's clock is ahead of the machine's, from now on; restarts keep it. */
  skew(name: string, offsetMs: number): void {
    writeFileSync(this.#clockFile(name), String(offsetMs));
  }

  /** Kills all nodes and removes their files. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    this.folder.remove();
  }

  async #start(name: string, flags: readonly string[] = []): Promise<void> {
    const { mode = 'BOTH', args = [], env, isDurable = false } = this.#options;
    const place = isDurable ? `--data-dir=${this.directory(name)}` : '--in-memory';
    const given = [String(this.#port(name)), this.#fileOf(name), mode, place, ...args, ...flags];
    const words = ['replica', name, ...given];
    const node = new CliProcess(words, {
      env: { QUORATE_TEST_CLOCK_OFFSET_FILE: this.#clockFile(name), ...env },
    });
    this.#nodes.set(name, node);
    await node.until(`${name} is ready`, () => node.isReady, readyMsMax);
  }

  /** The replicas file of one node: the order is the same in all, the ports need not be. */
  #fileOf(name: string): string {
    const { peerPort } = this.#options;
    if (peerPort === undefined) return this.replicasFile;
    const ports = [...this.#ports].map(([other, port]) => peerPort(name, other) ?? port);
    return writeReplicas(this.folder.path, ports, `${name}.replicas.txt`);
  }

  #port(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`there is no node ${name}`);
    return port;
  }

  #clockFile(name: string): string {
    return join(this.folder.path, `${name}.clock-offset-ms`);
  }
}
