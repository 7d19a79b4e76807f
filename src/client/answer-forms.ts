import {
  type DescribeClusterResponse,
  DescribeClusterResponse_ClockVerdict,
  DescribeClusterResponse_Status,
  type Entry,
  type HintTarget,
  type NodeDescription,
  NodeDescription_Liveness,
} from '../../generated/quorate/v1/cluster.ts';
import {
  type Explanation,
  type GetResponse,
  type PutResponse,
  ReplicaReport_State,
} from '../../generated/quorate/v1/key_value.ts';
import { spellingFromWire, spellingToWire } from '../wire/key-form.ts';
import { levelFromWire } from '../wire/level-form.ts';
import { plainFromWire, plainToWire } from '../wire/value-form.ts';
import { durationToMs, timestampToMs, timestampToWire } from '../wire/version-form.ts';
import type {
  ClusterAnswer,
  EntryAnswer,
  ExplanationAnswer,
  GetAnswer,
  HintTargetAnswer,
  ImportedEntry,
  NodeAnswer,
  WriteAnswer,
} from './answers.ts';

/** Generated messages to the client's plain answers. */

export function getAnswer(response: GetResponse): GetAnswer {
  return {
    value: plainFromWire(response.valueForm),
    expireTimeMs: timestampToMs(response.expireTime),
    ...writeAnswer(response),
  };
}

export function writeAnswer(
  response: Pick<PutResponse, 'version' | 'writeTime' | 'explanation'>,
): WriteAnswer {
  return {
    version: response.version,
    writeTimeMs: timestampToMs(response.writeTime),
    explanation: response.explanation && explanationAnswer(response.explanation),
  };
}

function explanationAnswer(explanation: Explanation): ExplanationAnswer {
  const { consistency, superseded, token, replicas, ...same } = explanation;
  return {
    ...same,
    token: token ?? 0,
    consistency: levelFromWire(consistency),
    isSuperseded: superseded,
    replicas: replicas.map(({ state, hinted, ...report }) => ({
      ...report,
      state: replicaStates[state],
      isHinted: hinted,
    })),
  };
}

const replicaStates = {
  [ReplicaReport_State.UNSPECIFIED]: 'not-asked',
  [ReplicaReport_State.ANSWERED]: 'answered',
  [ReplicaReport_State.PENDING]: 'pending',
  [ReplicaReport_State.TIMED_OUT]: 'timed-out',
  [ReplicaReport_State.DOWN]: 'down',
  [ReplicaReport_State.FAILED]: 'failed',
  [ReplicaReport_State.NOT_ASKED]: 'not-asked',
} as const;

export function clusterAnswer(response: DescribeClusterResponse): ClusterAnswer {
  const { damagedKeys, lastScrubTime, rebuild, ...same } = response;
  return {
    ...same,
    rebuild: rebuild && { ...rebuild, keysCopied: Number(rebuild.keysCopied) },
    damagedKeys: Number(damagedKeys),
    lastScrubTimeMs: timestampToMs(lastScrubTime),
    status: nodeStatuses[response.status],
    clock: clockVerdicts[response.clock],
    entries: Number(response.entries),
    nodes: response.nodes.map(nodeAnswer),
  };
}

const nodeStatuses = {
  [DescribeClusterResponse_Status.UNSPECIFIED]: 'initializing',
  [DescribeClusterResponse_Status.INITIALIZING]: 'initializing',
  [DescribeClusterResponse_Status.READY]: 'ready',
  [DescribeClusterResponse_Status.DRAINING]: 'draining',
} as const;

const clockVerdicts = {
  [DescribeClusterResponse_ClockVerdict.UNSPECIFIED]: 'uncompared',
  [DescribeClusterResponse_ClockVerdict.AGREES]: 'agrees',
  [DescribeClusterResponse_ClockVerdict.UNCOMPARED]: 'uncompared',
  [DescribeClusterResponse_ClockVerdict.APART]: 'apart',
} as const;

function nodeAnswer(node: NodeDescription): NodeAnswer {
  const { roundTripMilliseconds, clockAheadMilliseconds, hintsWaiting, liveness, ...same } = node;
  return {
    ...same,
    liveness: livenesses[liveness],
    hintsWaiting: Number(hintsWaiting),
    registered: node.registered,
    roundTripMs: roundTripMilliseconds,
    clockAheadMs: clockAheadMilliseconds,
  };
}

const livenesses = {
  [NodeDescription_Liveness.UNSPECIFIED]: 'unknown',
  [NodeDescription_Liveness.UP]: 'up',
  [NodeDescription_Liveness.DOWN]: 'down',
  [NodeDescription_Liveness.UNKNOWN]: 'unknown',
} as const;

export function entryAnswer(entry: Entry): EntryAnswer {
  return {
    key: spellingFromWire(entry.keyForm),
    value: plainFromWire(entry.valueForm),
    version: entry.version,
    writeTimeMs: timestampToMs(entry.writeTime),
    expireTimeMs: timestampToMs(entry.expireTime),
    token: entry.token ?? 0,
  };
}

/** The entry that brings a record back. */
export function importedEntry({ key, value, version, expireTimeMs }: ImportedEntry): Entry {
  return {
    keyForm: spellingToWire(key),
    valueForm: value && plainToWire(value),
    tombstone: value === undefined,
    version,
    writeTime: undefined,
    expireTime: timestampToWire(expireTimeMs),
    token: undefined,
  };
}

export function hintTargetAnswer(target: HintTarget): HintTargetAnswer {
  const { count, bytes, dropped, oldestAge, ...same } = target;
  return {
    ...same,
    count: Number(count),
    bytes: Number(bytes),
    dropped: Number(dropped),
    oldestAgeMs: durationToMs(oldestAge),
  };
}
