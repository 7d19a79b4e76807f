import { QuorateError } from '../base/quorate-error.ts';
import type { Identity } from './identity.ts';

/**
 * Why a node does not start on a directory: what was found, and what to do next, in one sentence.
 * Nothing was changed, and nothing will be without the flag that the sentence names.
 */

/** What is wrong with a directory: in the details of the error, for programs. */
export type RefusalReason =
  | 'unusable'
  | 'foreign'
  | 'in-use'
  | 'lost-identity'
  | 'damaged'
  | 'snapshot';

/** The reason of a refusal, or `undefined` if an error is none. */
export function refusalReason(error: unknown): RefusalReason | undefined {
  if (!(error instanceof QuorateError) || error.details['directory'] === undefined) return;
  return error.details['refused'] as RefusalReason | undefined;
}

function refusal(reason: RefusalReason, directory: string, sentence: string, cause?: unknown) {
  const details = { directory, refused: reason };
  const message = `${directory} ${sentence}`;
  return new QuorateError('CONFIGURATION', details, message, { cause });
}

const elsewhere = 'name another directory with --data-dir';
const rebuild =
  'put back what is missing, or start this node once with --rebuild: it moves what is there aside and copies the data from the other replicas';

export function unusable(directory: string, cause: unknown): QuorateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const sentence = `cannot be used as a data directory (${reason}): make it writable for this user, or ${elsewhere}.`;
  return refusal('unusable', directory, sentence, cause);
}

export function otherFiles(directory: string, name: string): QuorateError {
  const sentence = `is no data directory of Quorate, for it holds "${name}": ${elsewhere}, an empty or a new one.`;
  return refusal('foreign', directory, sentence);
}

export function otherOwner(
  directory: string,
  found: Pick<Identity, 'cluster' | 'node'>,
  expected: { readonly clusterName: string; readonly node: string },
): QuorateError {
  const has = `node ${found.node} of cluster ${found.cluster}`;
  const wants = `node ${expected.node} of cluster ${expected.clusterName}`;
  const sentence = `holds the data of ${has}, not of ${wants}: ${elsewhere}, or correct the name of the node or --cluster-name.`;
  return refusal('foreign', directory, sentence);
}

export function otherRing(directory: string, found: string, expected: string): QuorateError {
  const sentence = `holds records that were placed by the ring ${found}, not by ${expected}: start with the replicas file, --partitioner and --replication-factor that they were written with, or ${elsewhere}.`;
  return refusal('foreign', directory, sentence);
}

export function inUse(directory: string, pid: number): QuorateError {
  const sentence = `is in use by process ${pid}: stop that one first, or ${elsewhere}.`;
  return refusal('in-use', directory, sentence);
}

/** @param what such as `data.mdb is empty`. */
export function lostIdentity(directory: string, what: string): QuorateError {
  return refusal('lost-identity', directory, `has lost data of this node, ${what}: ${rebuild}.`);
}

/** @param time when the snapshot was made. */
export function snapshot(directory: string, time: string): QuorateError {
  const sentence = `holds a snapshot of ${time}, which lacks all that was acknowledged since: start every node of the cluster on its own snapshot, once with --restore; to bring back this node alone, start it with --rebuild.`;
  return refusal('snapshot', directory, sentence);
}

/** @param what such as `data.mdb was cut short`. */
export function damaged(directory: string, what: string): QuorateError {
  return refusal('damaged', directory, `cannot be trusted, ${what}: ${rebuild}.`);
}
