import { decodeText, encodeText, formatHex } from '../base/bytes.ts';
import type { Random } from '../runtime/random.ts';

/**
 * Whose data a directory holds. It is stored with the data, so that data that came back without
 * it, or another's, is noticed before it votes: an empty disk that answers "absent" breaks what
 * the quorums promise.
 */
export interface Identity {
  readonly cluster: string;
  readonly node: string;
  /** 32 hexadecimal digits: peers know the data by it. Data begun later has a greater one. */
  readonly dataId: string;
  /** Whether it was begun in place of data that was lost: peers take a greater id only then. */
  readonly isRebuilt: boolean;
  /** When the data was begun, in milliseconds since 1970. */
  readonly createdMs: number;
  /** When this copy was made, in a snapshot that was not restored yet. */
  readonly snapshotMs?: number;
}

/** The keys in the table `meta` that belong to the data directory. */
export const metaKeys = {
  identity: encodeText('identity'),
  /** The ring that says where the records belong. */
  ring: encodeText('ring'),
  /** There while the node has not yet copied its tokens from all other replicas of them. */
  rebuilding: encodeText('rebuilding'),
  /** How far that has come: a record of whoever copies, removed with the mark. */
  rebuildProgress: encodeText('rebuild-progress'),
  /** Before the name of another node: the id of that node's data. */
  peerPrefix: encodeText('peer/'),
} as const;

/** An id for data that begins now: the time in 48 bits, then 80 bits of chance. */
export function drawDataId(realtimeMs: number, random: Random): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(random.uint64(), 0);
  bytes.writeBigUInt64BE(random.uint64(), 8);
  bytes.writeUIntBE(realtimeMs, 0, 6);
  return formatHex(bytes);
}

export function encodeIdentity(identity: Identity): Uint8Array {
  return encodeText(JSON.stringify(identity));
}

/** The identity in some bytes, or `undefined` if they hold none. */
export function decodeIdentity(bytes: Uint8Array): Identity | undefined {
  const parsed = parseJson(decodeText(bytes) ?? '');
  const { cluster, node, dataId, isRebuilt, createdMs, snapshotMs } = parsed;
  if (typeof cluster !== 'string' || typeof node !== 'string') return undefined;
  if (typeof dataId !== 'string' || !/^[0-9a-f]{32}$/.test(dataId)) return undefined;
  return {
    cluster,
    node,
    dataId,
    isRebuilt: isRebuilt === true,
    createdMs: Number(createdMs),
    ...(snapshotMs !== undefined && { snapshotMs: Number(snapshotMs) }),
  };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
