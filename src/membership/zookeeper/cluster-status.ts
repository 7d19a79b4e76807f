import { decodeText, encodeText } from '../../base/bytes.ts';

/** What the status znode holds: whether the cluster takes requests, and who leads in which term. */
export interface ClusterStatus {
  readonly state: 'INITIALIZING' | 'READY';
  readonly term: number;
  readonly leader: string;
}

/** Where it is, below the root. */
export const statusPath = '/status';

export function encodeStatus({ state, term, leader }: ClusterStatus): Uint8Array {
  return encodeText(JSON.stringify({ state, term, leader }));
}

/** Reads a status, or gives `undefined` for what no node of ours has written. */
export function decodeStatus(data: Uint8Array): ClusterStatus | undefined {
  try {
    const { state, term, leader } = JSON.parse(decodeText(data) ?? '') as Record<string, unknown>;
    if (state !== 'READY' && state !== 'INITIALIZING') return undefined;
    if (typeof term !== 'number' || typeof leader !== 'string') return undefined;
    return { state, term, leader };
  } catch {
    return undefined;
  }
}
