import {
  type ClientUnaryCall,
  credentials,
  type CallOptions as GrpcCallOptions,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  ClusterServiceClient,
  type DescribeClusterResponse,
  type DropHintsResponse,
  type ListHintsResponse,
  type LocateKeyResponse,
} from '../../generated/quorate/v1/cluster.ts';
import {
  type DeleteResponse,
  type GetResponse,
  KeyValueServiceClient,
  type PutResponse,
} from '../../generated/quorate/v1/key_value.ts';
import {
  type ConsistencyLevel,
  defaultConsistencyLevel,
} from '../consistency/consistency-level.ts';
import type { Clock } from '../runtime/clock.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { type KeySpelling, spellingToWire } from '../wire/key-form.ts';
import { levelToWire } from '../wire/level-form.ts';
import { ttlToWire } from '../wire/ttl-form.ts';
import { type PlainValue, plainToWire } from '../wire/value-form.ts';
import {
  clusterAnswer,
  entryAnswer,
  getAnswer,
  hintTargetAnswer,
  writeAnswer,
} from './answer-forms.ts';
import type {
  ClusterAnswer,
  EntryAnswer,
  GetAnswer,
  HintTargetAnswer,
  LocateAnswer,
  WriteAnswer,
} from './answers.ts';
import { toQuorateError } from './call-error.ts';
import { timeoutMsDefault } from './call-times.ts';
import { channelOptions } from './channel-options.ts';
import { connect } from './connect.ts';
import { openPipeline, type PipelineEvents, type PipelineStream } from './pipeline-stream.ts';

/**
 * A client of one coordinator: one channel, one call at a time or many. It never sends anything
 * twice; an error says whether a second try is safe.
 */
export interface NodeClientOptions {
  /** The level of calls that name none; QUORUM by default. */
  readonly consistency?: ConsistencyLevel;
  /** How long calls wait that name no time; 2,000 ms by default, 30,000 at most. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly consistency?: ConsistencyLevel;
  readonly timeoutMs?: number;
  /** Ask which replicas said what. */
  readonly explain?: boolean;
}

export interface PutOptions extends CallOptions {
  /** For how long the value is there: over 0, 3,650 days at most; it never expires without. */
  readonly ttlMs?: number | undefined;
}

export interface ListEntriesOptions {
  /** How many entries at most; all by default. */
  readonly limit?: number;
  readonly timeoutMs?: number;
}

/** Lists may take longer than a call. */
const listTimeoutMsDefault = 30_000;

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
type Start<Response> = (options: GrpcCallOptions, callback: Callback<Response>) => ClientUnaryCall;

export class NodeClient {
  /** Where the coordinator is, as `host:port`. */
  readonly target: string;
  readonly #clock: Clock = new SystemClock();
  readonly #keyValues: KeyValueServiceClient;
  readonly #cluster: ClusterServiceClient;
  readonly #options: Required<NodeClientOptions>;

  /** @param target the coordinator, as `host:port`. The connection is made at the first call. */
  constructor(target: string, options: NodeClientOptions = {}) {
    this.target = target;
    this.#options = {
      consistency: options.consistency ?? defaultConsistencyLevel,
      timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    };
    this.#keyValues = new KeyValueServiceClient(
      target,
      credentials.createInsecure(),
      channelOptions,
    );
    const channelOverride = this.#keyValues.getChannel();
    this.#cluster = new ClusterServiceClient(target, credentials.createInsecure(), {
      channelOverride,
    });
  }

  /**
   * Makes the connection, which the first call does otherwise. After it failed nothing was sent,
   * while a call that fails for its connection may have left.
   *
   * @throws QuorateError CONNECTION_FAILED
   */
  connect(timeoutMs = this.#options.timeoutMs): Promise<void> {
    const deadline = this.#clock.realtimeMs() + timeoutMs;
    return connect(this.#keyValues.getChannel(), deadline, this.target);
  }

  /** Reads a key. @throws QuorateError */
  async get(key: KeySpelling, options: CallOptions = {}): Promise<GetAnswer> {
    const request = { keyForm: spellingToWire(key), ...this.#common(options) };
    const response = await this.#call<GetResponse>(false, options.timeoutMs, (grpc, callback) =>
      this.#keyValues.get(request, new Metadata(), grpc, callback),
    );
    return getAnswer(response);
  }

  /** Stores a value. @throws QuorateError; its `mayHaveApplied` tells an uncertain outcome. */
  async put(key: KeySpelling, value: PlainValue, options: PutOptions = {}): Promise<WriteAnswer> {
    const request = {
      keyForm: spellingToWire(key),
      valueForm: plainToWire(value),
      ttl: ttlToWire(options.ttlMs),
      ...this.#common(options),
    };
    const response = await this.#call<PutResponse>(true, options.timeoutMs, (grpc, callback) =>
      this.#keyValues.put(request, new Metadata(), grpc, callback),
    );
    return writeAnswer(response);
  }

  /** Deletes a key. @throws QuorateError; its `mayHaveApplied` tells an uncertain outcome. */
  async delete(key: KeySpelling, options: CallOptions = {}): Promise<WriteAnswer> {
    const request = { keyForm: spellingToWire(key), ...this.#common(options) };
    const response = await this.#call<DeleteResponse>(true, options.timeoutMs, (grpc, callback) =>
      this.#keyValues.delete(request, new Metadata(), grpc, callback),
    );
    return writeAnswer(response);
  }

  /** Opens a stream of many calls, whose messages are the caller's business. */
  openPipeline(events: PipelineEvents): PipelineStream {
    return openPipeline(this.#keyValues, events);
  }

  /** Says where a key lives. @throws QuorateError */
  async locate(key: KeySpelling): Promise<LocateAnswer> {
    const request = { keyForm: spellingToWire(key) };
    const response = await this.#call<LocateKeyResponse>(false, undefined, (grpc, callback) =>
      this.#cluster.locateKey(request, new Metadata(), grpc, callback),
    );
    return { ...response, token: response.token ?? 0 };
  }

  /** Describes the cluster as the coordinator sees it. @throws QuorateError */
  async describeCluster(): Promise<ClusterAnswer> {
    const response = await this.#call<DescribeClusterResponse>(false, undefined, (grpc, callback) =>
      this.#cluster.describeCluster({}, new Metadata(), grpc, callback),
    );
    return clusterAnswer(response);
  }

  /** The missed writes that the coordinator keeps for others. @throws QuorateError */
  async listHints(): Promise<readonly HintTargetAnswer[]> {
    const response = await this.#call<ListHintsResponse>(false, undefined, (grpc, callback) =>
      this.#cluster.listHints({}, new Metadata(), grpc, callback),
    );
    return response.targets.map(hintTargetAnswer);
  }

  /**
   * Drops the missed writes that the coordinator keeps for a node; their tokens become dirty.
   *
   * @returns how many keys those were.
   * @throws QuorateError
   */
  async dropHints(node: string): Promise<number> {
    const response = await this.#call<DropHintsResponse>(true, undefined, (grpc, callback) =>
      this.#cluster.dropHints({ node }, new Metadata(), grpc, callback),
    );
    return Number(response.dropped);
  }

  /** What this one node itself holds, in key order, tombstones included. @throws QuorateError */
  async *listEntries(options: ListEntriesOptions = {}): AsyncIterable<EntryAnswer> {
    const stream = this.#cluster.listEntries(
      { limit: options.limit ?? 0, pageToken: Buffer.alloc(0) },
      this.#grpcOptions(options.timeoutMs ?? listTimeoutMsDefault),
    );
    try {
      for await (const slice of stream) {
        const { entries } = slice as { entries: Parameters<typeof entryAnswer>[0][] };
        yield* entries.map(entryAnswer);
      }
    } catch (error: unknown) {
      throw toQuorateError(error as ServiceError, false);
    } finally {
      stream.cancel();
    }
  }

  /** Ends the connection; calls in flight end with CANCELLED or UNAVAILABLE. */
  close(): void {
    this.#keyValues.close();
    this.#cluster.close();
  }

  #common(options: CallOptions) {
    return {
      consistency: levelToWire(options.consistency ?? this.#options.consistency),
      explain: options.explain ?? false,
    };
  }

  #grpcOptions(timeoutMs: number): GrpcCallOptions {
    return { deadline: this.#clock.realtimeMs() + timeoutMs };
  }

  #call<Response>(
    isWrite: boolean,
    timeoutMs: number | undefined,
    start: Start<Response>,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      start(this.#grpcOptions(timeoutMs ?? this.#options.timeoutMs), (error, response) => {
        if (error === null) resolve(response);
        else reject(toQuorateError(error, isWrite));
      });
    });
  }
}
