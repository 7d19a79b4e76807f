import type { Hello, Refusal } from './frames.ts';

/** The version of the protocol between nodes that this program speaks. */
export const protocolVersion = 2;

/** What a node knows when it judges another. */
export interface HandshakeContext {
  readonly own: Hello;
  /** The names in the ring. */
  readonly nodes: readonly string[];
  /** The run of the other node's name that answers now, if one does. */
  readonly liveIncarnationOf: (node: string) => bigint | undefined;
  /** The data id that the other node had before; `undefined` if none is known. */
  readonly dataIdOf: (node: string) => string | undefined;
}

/**
 * The data ids of the other nodes, kept as long as the own data. A node that comes back with
 * another one has lost what it acknowledged, and must not vote as if it held it.
 */
export interface PeerIdentities {
  dataIdOf(node: string): string | undefined;
  /** Keeps a data id; durable when it returns. */
  remember(node: string, dataId: string): void;
}

/**
 * Judges who wants to talk. Two nodes whose rings differ would make quorums that never meet, so
 * every difference that could do that is refused with both sides named.
 */
export function judgeHello(other: Hello, context: HandshakeContext): Refusal | undefined {
  const { own } = context;
  if (other.protocolVersion !== own.protocolVersion) {
    return {
      reason: 'protocol-version',
      message: `${own.node} speaks peer protocol ${own.protocolVersion}, ${other.node} speaks ${other.protocolVersion}: run the same version of Quorate on both`,
    };
  }
  if (other.clusterName !== own.clusterName) {
    return {
      reason: 'cluster-name',
      message: `${own.node} is in cluster "${own.clusterName}", ${other.node} in "${other.clusterName}": check --cluster-name and the addresses in the replicas file`,
    };
  }
  if (!context.nodes.includes(other.node)) {
    return {
      reason: 'unknown-node',
      message: `${own.node} knows no node named "${other.node}": use the same replicas file on both`,
    };
  }
  if (other.ringDigest !== own.ringDigest) {
    return {
      reason: 'ring',
      message: `the rings differ: ${own.node} has ${own.ringDigest}, ${other.node} has ${other.ringDigest}: use the same replicas file, in the same order, and the same flags on both`,
    };
  }
  const live = context.liveIncarnationOf(other.node);
  if (live !== undefined && live !== other.incarnation) {
    return {
      reason: 'duplicate-node',
      message: `another process runs as ${other.node} and answers ${own.node}: stop it first, or use another name`,
    };
  }
  const known = context.dataIdOf(other.node);
  if (!isSameData(other, known)) {
    const brings = other.dataId === '' ? 'no data directory' : `the data directory ${other.dataId}`;
    const next = other.isRebuilt
      ? `it is older than that: start ${other.node} with the later directory, or if its clock was wrong when this one was made, set it right, remove the directory and start with --rebuild`
      : `start ${other.node} with its own directory, or with --rebuild if that is lost`;
    return {
      reason: 'data-id',
      message: `${other.node} comes with ${brings}, ${own.node} knows it with ${known}: ${next}`,
    };
  }
  return undefined;
}

/**
 * A later directory that was made to be rebuilt takes the place of an earlier one. Memory does not:
 * a node that was known with a directory would answer "absent" for what it has acknowledged.
 */
function isSameData({ dataId, isRebuilt }: Hello, known: string | undefined): boolean {
  if (known === undefined || dataId === known) return true;
  return isRebuilt && dataId > known;
}
