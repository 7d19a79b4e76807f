import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Reclaimable } from '../storage/reclaimable.ts';
import type { Storage } from '../storage/storage.ts';
import type { Pause } from './pause.ts';

/** A walk through all records that removes those that are gone, and finds those that could go. */
export interface ReclaimWalkComponents {
  readonly clock: Clock;
  readonly reclaimable: Reclaimable;
  readonly ring: Ring;
  readonly storage: Storage;
}

export interface ReclaimFindings {
  readonly removed: number;
  /** The tokens of records that could go if the floor were higher. */
  readonly due: TokenSet;
}

const sliceRecords = 64;
const sliceBytesMax = 256 * 1024;
/** Requests of clients come first: it rests so many times as long as it works. */
const restPerWork = 9;

/**
 * Walks; ends early with the pause.
 *
 * @param floor the clock up to which floors could be raised.
 * @throws StorageError when the disk does not take a removal.
 */
export async function reclaimWalk(
  { clock, reclaimable, ring, storage }: ReclaimWalkComponents,
  floor: bigint,
  pause: Pause,
): Promise<ReclaimFindings> {
  const due = new Set<Token>();
  let removed = 0;
  let start = new Uint8Array();
  while (!pause.isEnded) {
    const beganMs = clock.monotonicMs();
    const slice = storage.range({ start, limit: sliceRecords, bytesMax: sliceBytesMax });
    const last = slice.at(-1)?.key;
    if (last === undefined) break;
    const gone = slice.filter(({ key, record }) => {
      const token = ring.partitioner.tokenOf(key);
      const isGone = reclaimable.isGone(token, record);
      if (!isGone && reclaimable.isDue(record, floor)) due.add(token);
      return isGone;
    });
    if (gone.length > 0) {
      await storage.remove(gone.map(({ key, record }) => ({ key, version: record.version })));
    }
    removed += gone.length;
    start = Uint8Array.of(...last, 0);
    await pause.rest(Math.max(1, restPerWork * (clock.monotonicMs() - beganMs)));
  }
  return { removed, due: TokenSet.of(due) };
}
