import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';

/**
 * A ZooKeeper server on this machine for tests and for local clusters: finds what is installed,
 * starts it on a free port of the loopback with its data in a folder, waits until it serves, and
 * ends it. It starts the server's class directly, because the scripts of Debian's package want a
 * configuration that a bare install does not have.
 */
export interface ZookeeperInstallation {
  /** For people: where it was found. */
  readonly source: string;
  readonly classPath: string;
  /** The command that runs Java. */
  readonly java: string;
}

export interface LocalZookeeperOptions {
  readonly installation: ZookeeperInstallation;
  /** Where the data is; by default a temporary folder that `stop()` removes. */
  readonly folder?: string;
  /** The longest session that it grants, in ms; 20 ticks by default. */
  readonly sessionMsMax?: number;
}

const host = '127.0.0.1';
/** A server grants sessions of 2 to 20 ticks. */
const tickMs = 500;
const startMsMax = 20_000;
const pollMs = 50;
const outputCharactersMax = 20_000;
const mainClass = 'org.apache.zookeeper.server.ZooKeeperServerMain';
const javaFlags = [
  '-Xmx128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dzookeeper.admin.enableServer=false',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/** Debian keeps all jars in one folder; the server's names those that it needs. */
const debianJars = '/usr/share/java';
const homebrewFolders = ['/opt/homebrew/opt/zookeeper', '/usr/local/opt/zookeeper'];

/**
 * Looks in `ZOOKEEPER_HOME`, where Homebrew and where Debian install it, and for Java in
 * `JAVA_HOME` and on the path.
 *
 * @returns `undefined` unless both are here.
 */
export function findZookeeper(
  environment: NodeJS.ProcessEnv = process.env,
): ZookeeperInstallation | undefined {
  const { ZOOKEEPER_HOME: home, JAVA_HOME: javaHome } = environment;
  const java = javaHome ? join(javaHome, 'bin', 'java') : 'java';
  const libraries = [
    ...(home ? [join(home, 'lib'), home] : []),
    ...homebrewFolders.map((folder) => join(folder, 'libexec', 'lib')),
  ];
  const source = [...libraries, debianJars].find((folder) => hasServer(folder));
  if (source === undefined || spawnSync(java, ['-version']).status !== 0) return undefined;
  const jars = source === debianJars ? ['zookeeper.jar', 'slf4j-simple.jar'] : ['*'];
  return { source, classPath: jars.map((jar) => join(source, jar)).join(delimiter), java };
}

/** Whether the jar of the server is in a folder. */
function hasServer(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((name) => /^zookeeper(-\d[\d.]*)?\.jar$/.test(name));
}

export class LocalZookeeper {
  readonly #clock: Clock;
  readonly #options: LocalZookeeperOptions;
  readonly #folder: string;
  #port = 0;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #output = '';

  constructor(components: { readonly clock: Clock }, options: LocalZookeeperOptions) {
    this.#clock = components.clock;
    this.#options = options;
    this.#folder = options.folder ?? mkdtempSync(join(tmpdir(), 'quorate-zookeeper-'));
  }

  /** `host:port`, the same after a restart. */
  get address(): string {
    return `${host}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** The server's process while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the server with the data of its folder. @throws QuorateError if it does not serve. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    if (this.#port === 0) this.#port = await freePort();
    mkdirSync(join(this.#folder, 'data'), { recursive: true });
    const configuration = join(this.#folder, 'zoo.cfg');
    writeFileSync(configuration, this.#configuration());
    const { classPath, source, java } = this.#options.installation;
    const flags = [...javaFlags, '-cp', classPath, mainClass, configuration];
    // A process group of its own: the Ctrl-C of a terminal is for the launcher.
    const child = spawn(java, flags, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const guard = guardOf(child.pid);
    this.#child = child;
    this.#output = '';
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-outputCharactersMax);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        guard?.kill('SIGKILL');
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('error', (error) => {
        keep(Buffer.from(`${error.message}\n`));
        ended();
      });
      child.once('close', ended);
    });
    if (await this.#serves()) return;
    const output = this.#output.trim().split('\n').slice(-5).join(' | ');
    await this.kill();
    throw new QuorateError(
      'CONFIGURATION',
      { zookeeper: source },
      `the ZooKeeper found in ${source} does not start: ${output}`,
    );
  }

  /** Ends the process as a crash would; the data stays. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Removes the data while the server does not run. */
  empty(): void {
    rmSync(join(this.#folder, 'data'), { recursive: true, force: true });
  }

  /** Ends the process, and removes the folder unless it was given. */
  async stop(): Promise<void> {
    // A server keeps its log on disk in any case, and stops no sooner when it is asked to.
    await this.kill();
    if (this.#options.folder === undefined) {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  #configuration(): string {
    const { sessionMsMax } = this.#options;
    return [
      `tickTime=${tickMs}`,
      `dataDir=${join(this.#folder, 'data')}`,
      `clientPort=${this.#port}`,
      `clientPortAddress=${host}`,
      'maxClientCnxns=0',
      ...(sessionMsMax === undefined ? [] : [`maxSessionTimeout=${sessionMsMax}`]),
      '4lw.commands.whitelist=ruok,srvr,cons,mntr',
      '',
    ].join('\n');
  }

  /** @returns whether it serves before it ends or 20 s have passed. */
  async #serves(): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + startMsMax;
    while (this.#child !== undefined && this.#clock.monotonicMs() < untilMs) {
      if (await answersRuok(this.#port, this.#clock)) return true;
      await new Promise<void>((resolve) => this.#clock.schedule(pollMs, resolve));
    }
    return false;
  }
}

/** Ends the server when this process is gone, however it ended: then the pipe closes. */
function guardOf(pid: number | undefined): ChildProcess | undefined {
  if (pid === undefined) return undefined;
  const guard = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.once('error', () => undefined);
  return guard;
}

/** The port is open before the server serves: its own question tells. */
function answersRuok(port: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = '';
    const timer = clock.schedule(1_000, () => socket.destroy());
    socket.on('connect', () => socket.write('ruok'));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      timer.cancel();
      resolve(answer === 'imok');
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
