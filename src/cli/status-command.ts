import type { ClusterAnswer } from '../client/answers.ts';
import { formatHostPort } from '../config/replicas-file.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { printRows } from './rows.ts';
import { paintFor, say } from './terminal.ts';
import { withClient } from './with-client.ts';

/**
 * `quorate status`: the cluster as one node sees it. `-o json` is what the client's
 * `describeCluster` gives: `{node, serverId, nodeCount, clusterName, status, ringEpoch, partitioner, replicationFactor,
 * mode, membership, membershipState, leader, standby, storage, clock, entries, rebuild, damagedKeys, lastScrubTimeMs, nodes: [{name, host, port,
 * incarnation, liveness, registered, tokensOwned, hintsWaiting, dirtyTokens, roundTripMs, clockAheadMs,
 * problem}]}`.
 */
export const statusCommand = defineCommand({
  command: 'status',
  describe: 'Show the cluster as one node sees it',
  builder: (yargs) =>
    withServer(yargs)
      .example('$0 status', 'as 127.0.0.1:9090 sees it')
      .example('$0 status -s 127.0.0.1:9091 -o json', 'another view, for scripts'),
  run: (args) =>
    withClient(args, async (client) => {
      const cluster = await client.describeCluster();
      printRows(args.output, { json: cluster, head, rows: cluster.nodes.map(rowOf) });
      if (args.output === 'table') for (const line of summaryOf(cluster)) say(line);
      return exitCodes.ok;
    }),
});

const head = [
  'node',
  'address',
  'state',
  'tokens',
  'hints',
  'dirty',
  'round trip',
  'clock',
  'problem',
];

const stateColours = { up: 'green', down: 'red', unknown: 'yellow' } as const;

function rowOf(node: ClusterAnswer['nodes'][number]): readonly (string | number)[] {
  return [
    node.name,
    formatHostPort(node),
    paintFor(process.stdout, node.liveness, stateColours[node.liveness]),
    node.tokensOwned,
    node.hintsWaiting,
    node.dirtyTokens,
    formatMs(node.roundTripMs, ''),
    formatMs(node.clockAheadMs, '+'),
    node.problem,
  ];
}

function formatMs(ms: number | undefined, plus: string): string {
  if (ms === undefined) return '-';
  return `${ms >= 0 ? plus : ''}${ms.toFixed(1)} ms`;
}

function summaryOf(cluster: ClusterAnswer): readonly string[] {
  const { node, serverId, nodeCount, clusterName, status } = cluster;
  const { ringEpoch, partitioner, replicationFactor } = cluster;
  return [
    `seen by node ${serverId} of ${nodeCount} (${node}) of ${clusterName}, which is ${status}; its clock ${clockSentences[cluster.clock]}`,
    `ring epoch ${ringEpoch}, ${partitioner}, replication factor ${replicationFactor}, mode ${cluster.mode}`,
    `membership ${membershipOf(cluster)}, storage ${cluster.storage}, ${cluster.entries} entries here`,
    ...troubleOf(cluster),
  ];
}

function troubleOf({ rebuild, damagedKeys }: ClusterAnswer): readonly string[] {
  const lines: string[] = [];
  if (rebuild !== undefined) {
    const { sourcesDone, sources, keysCopied } = rebuild;
    lines.push(
      `rebuilding, so it answers no reads: ${sourcesDone} of ${sources} other nodes copied, ${keysCopied} keys so far`,
    );
  }
  if (damagedKeys > 0) lines.push(`${damagedKeys} damaged keys wait to be healed`);
  return lines;
}

function membershipOf(cluster: ClusterAnswer): string {
  const { membership, membershipState, leader, standby, nodes } = cluster;
  if (membership === 'static') return 'static';
  const registered = nodes.filter((node) => node.registered).length;
  const who = leader === '' ? '' : `; ${leader} leads, ${standby || 'nobody'} follows`;
  return `by ${membership} (${membershipState}, ${registered} of ${nodes.length} registered${who})`;
}

const clockSentences = {
  agrees: 'agrees with the others',
  uncompared: 'is not compared yet, so it takes no ONE, TWO or THREE writes',
  apart: 'is apart from the others, so it takes no writes',
} as const;
