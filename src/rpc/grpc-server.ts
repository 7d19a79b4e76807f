import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { ClusterServiceService } from '../../generated/quorate/v1/cluster.ts';
import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort } from '../ring/node-address.ts';
import type { Clock } from '../runtime/clock.ts';
import {
  type ClusterComponents,
  type ClusterOptions,
  clusterHandlers,
} from './cluster-handlers.ts';
import { keyValueHandlers, keyValueMethods } from './key-value-handlers.ts';
import { messageLimits, requestBytesMax, streamsPerConnectionMax } from './limits.ts';
import { peerHandlers, peerService } from './peer-stream.ts';
import { Pipelines, pipelineMethod } from './pipeline-handlers.ts';
import { reflectionService } from './reflection.ts';
import { tolerant } from './tolerant-service.ts';

/** The services of one node on its one port: clients, peers, health and reflection. */
export interface GrpcServerComponents extends ClusterComponents {
  /** The clock that gRPC's deadlines are in. */
  readonly transportClock: Clock;
}

/** The name under which health tells whether the node takes requests. */
const readyService = 'quorate.v1.KeyValueService';
/** The name under which health tells whether membership is up to date. */
const membershipService = 'quorate.v1.Membership';
/** How long open calls may take once the server is told to stop. */
const graceMs = 3_000;

export class GrpcServer {
  readonly #components: GrpcServerComponents;
  readonly #pipelines: Pipelines;
  readonly #health = new HealthImplementation({
    '': 'SERVING',
    [readyService]: 'NOT_SERVING',
    [membershipService]: 'NOT_SERVING',
  });
  readonly #server = new Server({
    ...messageLimits,
    'grpc.max_receive_message_length': requestBytesMax,
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 3_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.so_reuseport': 0,
    // Nobody asks for these statistics, and each call pays for them.
    'grpc.enable_channelz': 0,
  });

  constructor(components: GrpcServerComponents, options: ClusterOptions) {
    // What fails is told by errors; the library would also print it.
    setLogVerbosity(logVerbosity.NONE);
    this.#components = components;
    this.#pipelines = new Pipelines(components);
    this.#server.addService(
      { ...keyValueMethods, pipeline: pipelineMethod },
      { ...keyValueHandlers(components), pipeline: this.#pipelines.accept },
    );
    this.#server.addService(tolerant(ClusterServiceService), clusterHandlers(components, options));
    this.#server.addService(peerService, peerHandlers(components));
    this.#health.addToServer(this.#server);
    reflectionService().addToServer(this.#server);
  }

  /**
   * Listens. @returns the port, which is a free one if 0 was asked for.
   *
   * @throws QuorateError CONFIGURATION if the address cannot be listened on.
   */
  listen(host: string, port: number): Promise<number> {
    const address = formatHostPort({ host, port });
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else {
          const message = `cannot listen on ${address}: it is taken or not of this machine. Stop what runs there, or choose another port`;
          reject(new QuorateError('CONFIGURATION', { address }, message, { cause: error }));
        }
      });
    });
  }

  /** Says in health whether the node takes requests. */
  setReady(isReady: boolean): void {
    this.#health.setStatus(readyService, isReady ? 'SERVING' : 'NOT_SERVING');
  }

  /** Says in health whether membership is up to date; requests do not depend on it. */
  setMembershipCurrent(isCurrent: boolean): void {
    this.#health.setStatus(membershipService, isCurrent ? 'SERVING' : 'NOT_SERVING');
  }

  /** Stops listening and ends all connections, as the death of the process would. */
  kill(): void {
    this.#pipelines.stop();
    this.#server.forceShutdown();
  }

  /** Stops listening; open calls have a short grace, then they end. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#pipelines.stop();
      const force = this.#components.transportClock.schedule(graceMs, () =>
        this.#server.forceShutdown(),
      );
      this.#server.tryShutdown(() => {
        force.cancel();
        resolve();
      });
    });
  }
}
