import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { QuorateError } from '../../base/quorate-error.ts';

/**
 * One node as a child process. The child has a process group of its own, so that the Ctrl-C of a
 * terminal reaches the launcher only, and a channel to the launcher, so that it stops by itself
 * when the launcher was killed.
 */
export interface LaunchedNodeOptions {
  readonly name: string;
  /** The arguments of the `quorate` command. */
  readonly args: readonly string[];
  /** Gets each line of the node's stderr. */
  readonly onLine: (line: string) => void;
  /** Called when the node ended after it was ready. */
  readonly onExit: (exit: NodeExit) => void;
}

interface NodeExit {
  readonly how: string;
  /** Whether the launcher had told it to end. */
  readonly wasTold: boolean;
}

export type LaunchedNodeState = 'starting' | 'ready' | 'stopping' | 'stopped';

const mainPath = fileURLToPath(new URL('../main.js', import.meta.url));
/** How the command line begins the one sentence about what is wrong. */
const sentencePrefix = 'quorate: ';

export class LaunchedNode {
  readonly name: string;
  readonly #options: LaunchedNodeOptions;
  #child: ChildProcess | undefined;
  #state: LaunchedNodeState = 'stopped';
  #exited: Promise<void> = Promise.resolve();

  constructor(options: LaunchedNodeOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get state(): LaunchedNodeState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process; settles when the node is ready. @throws QuorateError if it ends before. */
  start(): Promise<void> {
    const child = spawn(process.execPath, [mainPath, ...this.#options.args], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#state = 'starting';
    let sentence: string | undefined;
    const lines = child.stderr && createInterface({ input: child.stderr });
    lines?.on('line', (line) => {
      if (line.startsWith(sentencePrefix)) sentence = line.slice(sentencePrefix.length);
      else this.#options.onLine(line);
    });
    return new Promise((resolve, reject) => {
      child.once('message', () => {
        if (this.#state === 'starting') this.#state = 'ready';
        resolve();
      });
      child.once('error', (error) => reject(this.#failure(error.message)));
      this.#exited = new Promise((settle) => {
        child.once('close', (code, signal) => {
          const last = this.#state;
          this.#state = 'stopped';
          this.#child = undefined;
          settle();
          const how = sentence ?? (signal === null ? `exit code ${code}` : `signal ${signal}`);
          if (last === 'starting') reject(this.#failure(how));
          else this.#options.onExit({ how, wasTold: last === 'stopping' });
        });
      });
    });
  }

  /** Asks it to stop; settles when it has ended. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Ends it at once; settles when it has ended. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined) return Promise.resolve();
    // SIGTERM goes out once: a second one would make the node give up on draining.
    if (this.#state !== 'stopping' || signal === 'SIGKILL') this.#child.kill(signal);
    this.#state = 'stopping';
    return this.#exited;
  }

  #failure(how: string): QuorateError {
    const message = `${this.name} did not start: ${how}`;
    return new QuorateError('CONFIGURATION', { node: this.name }, message);
  }
}
