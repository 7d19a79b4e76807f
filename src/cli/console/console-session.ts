import { QuorateError } from '../../base/quorate-error.ts';
import type { ExplanationAnswer } from '../../client/answers.ts';
import type { OnMoved } from '../../client/cluster-client.ts';
import type { CoordinatorClient } from '../../client/coordinator-finder.ts';
import type { ConsistencyLevel } from '../../config/choices.ts';
import { formatHostPort } from '../../config/replicas-file.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-code.ts';
import { formatExplanation } from '../explanation-output.ts';
import { whyAbsent } from '../key-value-output.ts';
import { describeMove, readTarget } from '../target.ts';
import { type ConsoleAction, type KeyAction, parseConsoleLine } from './console-action.ts';
import { consoleHelp } from './console-commands.ts';
import {
  describeConsoleError,
  formatCluster,
  formatEntries,
  formatLocation,
  formatValue,
} from './console-output.ts';

/**
 * What a console remembers, its coordinator and its level, and what its commands do. It knows
 * nothing of terminals: lines go in, lines come out, and nothing that is typed makes it throw.
 *
 * With a node as its target the console stays with that node; with a ZooKeeper the coordinator is
 * one of the nodes there, and another when that one fails, which is said.
 */
export type ConsoleClient = Pick<
  CoordinatorClient,
  'get' | 'put' | 'delete' | 'locate' | 'describeCluster' | 'listEntries' | 'close'
>;

export interface ConsoleSessionComponents {
  /** Makes a client; told of each coordinator, if it is the client that chooses them. */
  readonly connect: (target: string, onMoved: OnMoved) => ConsoleClient;
  /** Takes data, a line. */
  readonly print: (line: string) => void;
  /** Takes the rest, a line. */
  readonly say: (line: string) => void;
}

export interface ConsoleSessionOptions {
  /** The coordinator, as `host:port`, or where it is found, as `zookeeper://…`. */
  readonly target: string;
  /** Whether what is printed is for people: control characters are then made visible. */
  readonly isForPeople: boolean;
}

/** How a line ended. */
export interface LineOutcome {
  readonly exitCode: ExitCode;
  readonly isExit: boolean;
}

/** `display` shows no more of each node. */
const displayedMax = 1_000;
const displayTimeoutMs = 5_000;

export class ConsoleSession {
  readonly #components: ConsoleSessionComponents;
  readonly #isForPeople: boolean;
  #target: string;
  /** Whether the client chooses its coordinators. */
  #isMoving = false;
  #client: ConsoleClient;
  #notify: (sentence: string) => void;
  #level: ConsistencyLevel = 'QUORUM';
  #isExplaining = false;
  #node: string | undefined;
  #addresses: ReadonlyMap<string, string> = new Map();

  constructor(components: ConsoleSessionComponents, options: ConsoleSessionOptions) {
    this.#components = components;
    this.#isForPeople = options.isForPeople;
    this.#notify = components.say;
    this.#target = options.target;
    this.#client = components.connect(options.target, this.#onMoved);
  }

  /** Where the coordinator is, as `host:port`, once there is one. */
  get target(): string {
    return this.#target;
  }

  /** Shows the coordinator and the level: `replica0@127.0.0.1:9090 [QUORUM]> `. */
  get prompt(): string {
    const node = this.#node === undefined ? '' : `${this.#node}@`;
    return `${node}${this.#target} [${this.#level}]> `;
  }

  /** The names of the nodes that the coordinator has told of. */
  get nodeNames(): readonly string[] {
    return [...this.#addresses.keys()];
  }

  /** The coordinator's name and address, as far as they are known. */
  get coordinator(): string {
    return this.#node === undefined ? this.#target : `${this.#node} at ${this.#target}`;
  }

  /** Asks the coordinator who it is. @returns why it does not answer, if so. */
  async meet(): Promise<QuorateError | undefined> {
    try {
      await this.#describe();
      return undefined;
    } catch (error: unknown) {
      return QuorateError.from(error);
    }
  }

  /** Where it is said that the coordinator has changed; `say` by default. */
  set notify(notify: (sentence: string) => void) {
    this.#notify = notify;
  }

  /** Does what a line says. Never throws. */
  async runLine(line: string): Promise<LineOutcome> {
    try {
      const action = parseConsoleLine(line);
      if (action === undefined) return { exitCode: exitCodes.ok, isExit: false };
      return { exitCode: await this.#run(action), isExit: action.verb === 'exit' };
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      const { coordinator } = this;
      for (const text of describeConsoleError(error, coordinator, this.#isMoving)) {
        this.#components.say(text);
      }
      return { exitCode: exitCodeOf(error), isExit: false };
    }
  }

  close(): void {
    this.#client.close();
  }

  async #run(action: ConsoleAction): Promise<ExitCode> {
    const { print, say } = this.#components;
    switch (action.verb) {
      case 'get':
      case 'put':
      case 'delete':
        return this.#runOnKey(action);
      case 'level':
        this.#level = action.level ?? this.#level;
        if (action.level === undefined) print(this.#level);
        break;
      case 'explain':
        this.#isExplaining = action.isOn;
        break;
      case 'display':
        await this.#display(action.node);
        break;
      case 'locate':
        print(formatLocation(await this.#client.locate(action.key)));
        break;
      case 'status':
        for (const text of formatCluster(await this.#describe())) print(text);
        break;
      case 'use':
        await this.#use(action.target);
        break;
      case 'help':
        for (const text of consoleHelp()) say(text);
        break;
      case 'exit':
        break;
    }
    return exitCodes.ok;
  }

  async #runOnKey(action: KeyAction): Promise<ExitCode> {
    const { print, say } = this.#components;
    const options = {
      consistency: action.level ?? this.#level,
      explain: action.isExplained || this.#isExplaining,
    };
    if (action.verb === 'get') {
      const answer = await this.#client.get(action.key, options);
      const { value, version, explanation } = answer;
      if (value !== undefined) print(formatValue(value, this.#isForPeople));
      else say(`Key does not exist${whyAbsent(answer)}`);
      this.#explain(explanation, version);
      return value === undefined ? exitCodes.absent : exitCodes.ok;
    }
    const { version, explanation } =
      action.verb === 'put'
        ? await this.#client.put(action.key, action.value, { ...options, ttlMs: action.ttlMs })
        : await this.#client.delete(action.key, options);
    print(`${action.verb === 'put' ? 'stored' : 'deleted'} at ${version}`);
    this.#explain(explanation, version);
    return exitCodes.ok;
  }

  #explain(explanation: ExplanationAnswer | undefined, version: string): void {
    if (explanation === undefined) return;
    for (const text of formatExplanation(explanation, version)) this.#components.say(text);
  }

  readonly #onMoved: OnMoved = (left, to) => {
    this.#isMoving = true;
    this.#target = formatHostPort(to);
    this.#node = to.name;
    if (left.length > 0) this.#notify(describeMove(left, to));
  };

  async #describe() {
    const client = this.#client;
    const cluster = await client.describeCluster();
    // The answer of a coordinator that was left meanwhile says nothing about the new one.
    if (client !== this.#client) return cluster;
    this.#node = cluster.node;
    this.#addresses = new Map(cluster.nodes.map((node) => [node.name, formatHostPort(node)]));
    return cluster;
  }

  async #use(named: string): Promise<void> {
    const target = this.#addresses.get(named) ?? readTarget(named);
    this.#client.close();
    this.#client = this.#components.connect(target, this.#onMoved);
    this.#target = target;
    this.#node = undefined;
    this.#isMoving = false;
    await this.#describe();
  }

  /** Asks each node itself, all at once; shows them in the order of the ring. */
  async #display(only: string | undefined): Promise<void> {
    const { say } = this.#components;
    // Without its coordinator the console asks the nodes that it told of before.
    if ((await this.meet()) && this.#addresses.size === 0) await this.#describe();
    const shown = [...this.#addresses].filter(([name]) => only === undefined || name === only);
    if (shown.length === 0) {
      const message = `there is no node ${only}; there are ${this.nodeNames.join(', ')}`;
      throw new QuorateError('CONFIGURATION', {}, message);
    }
    const found = await Promise.all(shown.map(([, address]) => this.#entriesOf(address)));
    for (const [index, [name, address]] of shown.entries()) {
      const entries = found[index];
      if (entries instanceof QuorateError) {
        say(`${name} at ${address} cannot be reached: ${entries.message}`);
      } else if (entries !== undefined) {
        this.#components.print(formatEntries(`${name} at ${address}`, entries, displayedMax));
      }
    }
  }

  async #entriesOf(address: string) {
    const client = this.#components.connect(address, () => undefined);
    try {
      const entries = [];
      const options = { limit: displayedMax + 1, timeoutMs: displayTimeoutMs };
      for await (const entry of client.listEntries(options)) entries.push(entry);
      return entries;
    } catch (error: unknown) {
      return QuorateError.from(error);
    } finally {
      client.close();
    }
  }
}
