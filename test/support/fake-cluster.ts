import { Status } from '../../generated/google/rpc/status.ts';
import {
  type PipelineAnswer,
  PipelineRequest,
  PipelineResponse,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ClusterAnswer, GetAnswer } from '../../src/client/answers.ts';
import type { PipelineEvents, PipelineStream } from '../../src/client/pipeline-stream.ts';
import { CallingView } from '../../src/client/typed/calling-view.ts';
import { Calls, type CallsInit } from '../../src/client/typed/calls.ts';
import { text } from '../../src/client/typed/codec.ts';
import type { Connection } from '../../src/client/typed/connection.ts';
import type { KeyView } from '../../src/client/typed/key-view.ts';
import { evenOwners } from '../../src/ring/ring.ts';
import { errorToWire } from '../../src/wire/error-status.ts';
import { clusterAnswer } from './cluster-answer.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from './simulated-time.ts';

/**
 * A cluster as a client sees it, in virtual time: nodes that do as they are told, and a log of what
 * reached them. They share one store, so whichever is asked knows what was written.
 */

/** A call as a node got it. */
type Arrived = PipelineRequest['calls'][number];

/** What a node does with a call: does it, says no, or says nothing. */
type Plan = 'answer' | 'silence' | QuorateError;

export class FakeCluster {
  readonly time = new SimulatedTime();
  readonly host = new SimulatedHost(this.time);
  readonly nodes: ReadonlyMap<string, FakeNode>;
  /** What was written, in order, as `node key=value`. */
  readonly writes: string[] = [];
  readonly store = new Map<string, string>();
  /** Which nodes the seeds name. */
  seeds: readonly string[];

  constructor(names: readonly string[] = ['a', 'b', 'c', 'd']) {
    this.nodes = new Map(names.map((name) => [name, new FakeNode(name, this)]));
    this.seeds = names.slice(0, 1);
  }

  node(name: string): FakeNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** A connected client with text values. */
  async connect(init: Partial<CallsInit> = {}): Promise<KeyView<string> & { calls: Calls }> {
    const calls = this.calls(init);
    await this.time.settle(calls.connect(5_000));
    // The others come up after the first.
    await this.time.advance(100);
    return Object.assign(this.view(calls), { calls });
  }

  calls(init: Partial<CallsInit> = {}): Calls {
    return new Calls(
      {
        clock: this.host,
        random: new SeededRandom(1),
        seeds: { list: async () => this.seeds.map((name) => ({ address: `${name}:1` })) },
        open: (address) => this.node(address.split(':')[0] ?? '').open(),
      },
      { coordinator: undefined, isPipelining: true, isHedging: true, ...init },
    );
  }

  view(calls: Calls): KeyView<string> {
    const init = { codec: text, prefix: '', consistency: 'QUORUM', timeoutMs: 2_000 } as const;
    return new CallingView(calls, init);
  }

  describe(node: FakeNode): ClusterAnswer {
    const names = [...this.nodes.keys()];
    const owners = evenOwners(names);
    return clusterAnswer({
      node: node.name,
      serverId: names.indexOf(node.name) + 1,
      clusterName: node.clusterName,
      status: node.status,
      nodes: names.map((name) => ({
        name,
        host: name,
        port: 1,
        incarnation: '',
        liveness: 'up',
        tokensOwned: owners.filter((owner) => owner === name).length,
        hintsWaiting: 0,
        dirtyTokens: 0,
        roundTripMs: undefined,
        clockAheadMs: undefined,
        problem: '',
        registered: undefined,
      })),
    });
  }
}

export class FakeNode {
  readonly name: string;
  readonly #cluster: FakeCluster;
  readonly #streams = new Set<FakeStream>();
  status: ClusterAnswer['status'] = 'ready';
  clusterName = 'quorate';
  /** How long an answer takes. */
  latencyMs = 1;
  /** How long it works on a call, one after the other. */
  workMs = 0;
  #busyUntilMs = 0;
  /** The next calls' fates; after them all are answered. */
  plans: Plan[] = [];
  /** The fate of calls when there are no plans. */
  habit: Plan = 'answer';
  /** All messages that came, each the calls in it. */
  readonly messages: Arrived[][] = [];
  /** Whether its streams take more at once. */
  takesMore = true;
  connections = 0;
  #isDead = false;

  constructor(name: string, cluster: FakeCluster) {
    this.name = name;
    this.#cluster = cluster;
  }

  get calls(): readonly Arrived[] {
    return this.messages.flat();
  }

  /** Ends its process: connections break, new ones are refused. */
  kill(): void {
    this.#isDead = true;
    for (const stream of this.#streams) {
      stream.end(new QuorateError('CONNECTION_FAILED', { reason: 'it broke' }));
    }
  }

  restart(): void {
    this.#isDead = false;
    this.status = 'ready';
  }

  /** Stops in order: what was taken is answered, the rest was never looked at. */
  drain(): void {
    this.status = 'draining';
    for (const stream of this.#streams) stream.end(undefined);
  }

  /** Takes messages again. */
  drained(): void {
    this.takesMore = true;
    for (const stream of this.#streams) stream.events.onDrain();
  }

  open(): Connection {
    this.connections++;
    const streams: FakeStream[] = [];
    return {
      connect: async () => {
        if (this.#isDead) throw new QuorateError('CONNECTION_FAILED', { reason: 'refused' });
      },
      describeCluster: async () => this.#cluster.describe(this),
      openPipeline: (events) => {
        const stream = new FakeStream(events, (message) => this.#onMessage(stream, message));
        this.#streams.add(stream);
        streams.push(stream);
        return stream;
      },
      get: () => this.#unary(),
      put: () => this.#unary(),
      delete: () => this.#unary(),
      close: () => {
        for (const stream of streams) this.#streams.delete(stream);
      },
    };
  }

  async #unary(): Promise<GetAnswer> {
    const plan = this.plans.shift() ?? this.habit;
    if (plan instanceof QuorateError) throw plan;
    return {
      value: undefined,
      version: 'v',
      writeTimeMs: 0,
      expireTimeMs: undefined,
      explanation: undefined,
    };
  }

  #onMessage(stream: FakeStream, message: Buffer): boolean {
    const { calls } = PipelineRequest.decode(message);
    this.messages.push(calls);
    for (const call of calls) {
      const plan = this.plans.shift() ?? this.habit;
      if (plan === 'silence') continue;
      const answer = plan === 'answer' ? this.#do(call) : refusal(plan);
      const { time } = this.#cluster;
      this.#busyUntilMs = Math.max(this.#busyUntilMs, time.nowMs) + this.workMs;
      time.at(this.#busyUntilMs + this.latencyMs, () => {
        stream.answer({ id: call.id, answer });
      });
    }
    return this.takesMore;
  }

  #do({ request }: Arrived): PipelineAnswer['answer'] {
    const key = String(request?.value.keyForm?.value);
    const { store, writes } = this.#cluster;
    if (request?.$case === 'put') {
      const value = String(request.value.valueForm?.value);
      store.set(key, value);
      writes.push(`${this.name} ${key}=${value}`);
      return { $case: 'put', value: { ...done, version: `v${writes.length}` } };
    }
    if (request?.$case === 'delete') {
      store.delete(key);
      return { $case: 'delete', value: done };
    }
    const value = store.get(key);
    const valueForm = value === undefined ? undefined : ({ $case: 'value', value } as const);
    const found = { found: value !== undefined, valueForm, expireTime: undefined };
    return { $case: 'get', value: { ...done, ...found } };
  }
}

const done = { version: 'v', writeTime: undefined, explanation: undefined };

function refusal(error: QuorateError): PipelineAnswer['answer'] {
  return { $case: 'error', value: Status.decode(errorToWire(error).details) };
}

class FakeStream implements PipelineStream {
  readonly events: PipelineEvents;
  readonly write: (message: Buffer) => boolean;
  #isOver = false;

  constructor(events: PipelineEvents, write: (message: Buffer) => boolean) {
    this.events = events;
    this.write = write;
  }

  cancel(): void {
    this.#isOver = true;
  }

  end(error: QuorateError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.events.onEnd(error);
  }

  answer(answer: PipelineAnswer): void {
    if (this.#isOver) return;
    this.events.onMessage(Buffer.from(PipelineResponse.encode({ answers: [answer] }).finish()));
  }
}
