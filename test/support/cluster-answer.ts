import type { ClusterAnswer } from '../../src/client/answers.ts';

/** What a ready node in memory says of its cluster, but for what the caller knows better. */
export function clusterAnswer(
  known: Pick<ClusterAnswer, 'node' | 'nodes'> & Partial<ClusterAnswer>,
): ClusterAnswer {
  return {
    serverId: 1,
    nodeCount: known.nodes.length,
    clusterName: 'quorate',
    status: 'ready',
    ringEpoch: 1,
    partitioner: 'byte-ordered',
    replicationFactor: 3,
    mode: 'BOTH',
    membership: 'static',
    membershipState: 'static',
    leader: '',
    standby: '',
    storage: 'memory',
    clock: 'agrees',
    entries: 0,
    rebuild: undefined,
    damagedKeys: 0,
    lastScrubTimeMs: undefined,
    ...known,
  };
}
