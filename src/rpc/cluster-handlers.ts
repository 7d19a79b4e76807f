import {
  type ClusterServiceServer,
  type DescribeClusterResponse,
  DescribeClusterResponse_ClockVerdict,
  DescribeClusterResponse_Status,
  type DropHintsRequest,
  type DropHintsResponse,
  type ExportEntriesRequest,
  type HintTarget,
  type ImportEntriesRequest,
  type ListEntriesRequest,
  type ListEntriesResponse,
  type ListHintsResponse,
  type LocateKeyRequest,
  type LocateKeyResponse,
  type NodeDescription,
  NodeDescription_Liveness,
  type RebuildProgress,
  type SnapshotRequest,
} from '../../generated/quorate/v1/cluster.ts';
import { keyAfter } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { RepairMode } from '../consistency/repair-mode.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import type { DirtyTokens } from '../hints/dirty-tokens.ts';
import type { HintStore } from '../hints/hint-store.ts';
import type { LinkSet } from '../links/link-set.ts';
import type { Membership, MembershipView } from '../membership/membership.ts';
import type { ClockMonitor, ClockVerdict } from '../record/clock-monitor.ts';
import type { NodeAddress } from '../ring/node-address.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Storage } from '../storage/storage.ts';
import type { ClusterWalk } from '../transfer/cluster-walk.ts';
import type { Rebuild } from '../transfer/rebuild.ts';
import type { Scrubber } from '../transfer/scrubber.ts';
import { entryToWire } from '../wire/entry-form.ts';
import { roundMs } from '../wire/explanation-form.ts';
import { keyFromWire } from '../wire/key-form.ts';
import { durationToWire, timestampToWire } from '../wire/version-form.ts';
import { exportEntries, importEntries } from './backup-handlers.ts';
import { type HandlerComponents, serverStream, unary } from './call-context.ts';
import { type SnapshotWriter, snapshot } from './snapshot-handler.ts';

/** What the cluster service tells about. */
export interface ClusterComponents extends HandlerComponents {
  readonly clock: Clock;
  readonly clockMonitor: ClockMonitor;
  readonly coordinator: Coordinator;
  readonly dirty: DirtyTokens;
  readonly hints: HintStore;
  readonly links: LinkSet;
  readonly membership: Membership;
  readonly rebuild: Pick<Rebuild, 'status'> | undefined;
  readonly ring: Ring;
  readonly scrubber: Pick<Scrubber, 'lastPassMs'>;
  readonly snapshots: SnapshotWriter | undefined;
  readonly storage: Storage;
  readonly walk: ClusterWalk;
}

export interface ClusterOptions {
  readonly node: string;
  readonly clusterName: string;
  readonly mode: RepairMode;
  readonly addresses: readonly NodeAddress[];
  readonly storageKind: string;
  /** Whether the node serves now. */
  readonly status: () => NodeStatus;
}

/** Where a node is in its life. */
export type NodeStatus = 'initializing' | 'ready' | 'draining';

const sliceEntriesMax = 256;
const sliceBytesMax = 512 * 1024;

/** ClusterService: describes what this node sees. */
export function clusterHandlers(
  components: ClusterComponents,
  options: ClusterOptions,
): ClusterServiceServer {
  return {
    describeCluster: unary(components, () => describe(components, options)),
    locateKey: unary(components, (request: LocateKeyRequest) => locate(components.ring, request)),
    listEntries: serverStream(components, (request: ListEntriesRequest) =>
      listEntries(components, request),
    ),
    listHints: unary(components, () => listHints(components, options)),
    dropHints: unary(components, (request: DropHintsRequest) => dropHints(components, request)),
    exportEntries: serverStream(components, (request: ExportEntriesRequest) =>
      exportEntries(components, request),
    ),
    importEntries: unary(components, (request: ImportEntriesRequest, context) =>
      importEntries(components, request, context),
    ),
    snapshot: serverStream(components, (request: SnapshotRequest) => snapshot(components, request)),
  };
}

const statuses = {
  initializing: DescribeClusterResponse_Status.INITIALIZING,
  ready: DescribeClusterResponse_Status.READY,
  draining: DescribeClusterResponse_Status.DRAINING,
} as const satisfies Record<NodeStatus, DescribeClusterResponse_Status>;

const verdicts = {
  agrees: DescribeClusterResponse_ClockVerdict.AGREES,
  uncompared: DescribeClusterResponse_ClockVerdict.UNCOMPARED,
  apart: DescribeClusterResponse_ClockVerdict.APART,
} as const satisfies Record<ClockVerdict, DescribeClusterResponse_ClockVerdict>;

function describe(components: ClusterComponents, options: ClusterOptions): DescribeClusterResponse {
  const { ring, membership, clock, clockMonitor, storage } = components;
  const now = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
  const view = membership.view();
  return {
    node: options.node,
    clusterName: options.clusterName,
    status: statuses[options.status()],
    ringEpoch: ring.epoch,
    partitioner: ring.partitioner.name,
    replicationFactor: ring.replicationFactor,
    mode: options.mode,
    membership: view.kind,
    membershipState: view.state,
    serverId: options.addresses.findIndex(({ name }) => name === options.node) + 1,
    nodeCount: options.addresses.length,
    leader: view.leader ?? '',
    standby: view.standby ?? '',
    nodes: options.addresses.map((address) => describeNode(components, address, view)),
    storage: options.storageKind,
    clock: verdicts[clockMonitor.verdict(now)],
    entries: BigInt(storage.entryCount()),
    rebuild: rebuildToWire(components.rebuild),
    damagedKeys: BigInt(storage.damagedKeys().length),
    lastScrubTime: timestampToWire(components.scrubber.lastPassMs),
  };
}

function rebuildToWire(rebuild: ClusterComponents['rebuild']): RebuildProgress | undefined {
  const status = rebuild?.status();
  if (status === undefined || status.isOver) return undefined;
  const { sources, sourcesDone, keysCopied } = status;
  return { sources, sourcesDone, keysCopied: BigInt(keysCopied) };
}

function describeNode(
  { ring, links, dirty, hints, clockMonitor }: ClusterComponents,
  { name, host, port }: NodeAddress,
  view: MembershipView,
): NodeDescription {
  const link = links.linkTo(name);
  const incarnation = view.incarnations.get(name);
  return {
    name,
    host,
    port,
    incarnation: incarnation?.toString(16).padStart(16, '0') ?? '',
    liveness: livenessOf(links, name),
    tokensOwned: ring.tokensOwned(name),
    hintsWaiting: BigInt(hints.count(name)),
    dirtyTokens: dirty.tokensOf(name).tokens().length,
    roundTripMilliseconds: rounded(link?.roundTripMs),
    clockAheadMilliseconds: rounded(clockMonitor.aheadMs(name)),
    problem: link?.problem ?? '',
    registered: view.registered?.has(name),
  };
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : roundMs(ms);
}

function livenessOf(links: LinkSet, node: string): NodeDescription_Liveness {
  if (links.isLive(node)) return NodeDescription_Liveness.UP;
  return links.isUnknown(node) ? NodeDescription_Liveness.UNKNOWN : NodeDescription_Liveness.DOWN;
}

function locate(ring: Ring, request: LocateKeyRequest): LocateKeyResponse {
  const token = ring.partitioner.tokenOf(keyFromWire(request.keyForm));
  return { token, preferenceList: [...ring.preferenceList(token)], ringEpoch: ring.epoch };
}

function* listEntries(
  { storage, ring }: ClusterComponents,
  request: ListEntriesRequest,
): Iterable<ListEntriesResponse> {
  let left = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
  let start: Uint8Array = request.pageToken;
  while (left > 0) {
    const limit = Math.min(left, sliceEntriesMax);
    const slice = storage.range({ start, limit, bytesMax: sliceBytesMax });
    const last = slice.at(-1);
    const next = last && firstKeyFrom(storage, keyAfter(last.key));
    const nextPageToken = Buffer.from(next ?? []);
    yield { entries: slice.map((keyed) => entryToWire(keyed, ring)), nextPageToken };
    if (next === undefined) return;
    start = next;
    left -= slice.length;
  }
}

function firstKeyFrom(storage: Storage, start: Uint8Array): Uint8Array | undefined {
  return storage.range({ start, limit: 1, bytesMax: 0 })[0]?.key;
}

function listHints(
  components: ClusterComponents,
  { node, addresses }: ClusterOptions,
): ListHintsResponse {
  const { dirty, ring } = components;
  const isShown = (name: string) => name !== node || !dirty.tokensOf(name).isEmpty;
  const shown = addresses.filter(({ name }) => ring.nodes.includes(name) && isShown(name));
  return { targets: shown.map(({ name }) => hintTarget(components, name)) };
}

function hintTarget({ dirty, hints }: ClusterComponents, node: string): HintTarget {
  const { count, bytes, oldestAgeMs, dropped } = hints.summary(node);
  return {
    node,
    count: BigInt(count),
    bytes: BigInt(bytes),
    oldestAge: durationToWire(oldestAgeMs),
    dirtyTokens: [...dirty.tokensOf(node).tokens()],
    dropped: BigInt(dropped),
  };
}

async function dropHints(
  { hints, logger, ring }: ClusterComponents,
  { node }: DropHintsRequest,
): Promise<DropHintsResponse> {
  if (!ring.nodes.includes(node)) {
    const message = `The ring has no node "${node}": say one of ${ring.nodes.join(', ')}`;
    throw new QuorateError('INVALID_ARGUMENT', { field: 'node', mayHaveApplied: false }, message);
  }
  const dropped = hints.drop(node);
  logger.warn('hints dropped by hand', { target: node, dropped });
  await hints.settled();
  return { dropped: BigInt(dropped) };
}
