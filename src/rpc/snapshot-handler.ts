import type { SnapshotRequest, SnapshotResponse } from '../../generated/quorate/v1/cluster.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';

/** Writes what the node keeps into a directory. */
export interface SnapshotWriter {
  write(directory: string): Promise<void>;
  /** How much of it is there already. */
  bytesIn(directory: string): number;
}

interface SnapshotComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  /** None in memory. */
  readonly snapshots: SnapshotWriter | undefined;
}

const tellEveryMs = 500;

/** Writes a snapshot, and tells how far it is. */
export async function* snapshot(
  { clock, logger, snapshots }: SnapshotComponents,
  { directory }: SnapshotRequest,
): AsyncIterable<SnapshotResponse> {
  if (snapshots === undefined) {
    const message = 'The node keeps its data in memory only: use `quorate export` instead';
    throw new QuorateError('CONFIGURATION', { mayHaveApplied: false }, message);
  }
  const writing = snapshots.write(directory);
  const done = writing.then(
    () => logger.info('snapshot written', { directory }),
    (error: unknown) => logger.error('no snapshot written', { directory, reason: String(error) }),
  );
  for (let isDone = false; !isDone; ) {
    isDone = await isSettled(done, clock);
    if (!isDone) yield { bytes: BigInt(snapshots.bytesIn(directory)), done: false };
  }
  await writing;
  yield { bytes: BigInt(snapshots.bytesIn(directory)), done: true };
}

/** Waits until it is settled, or for a short while. */
function isSettled(promise: Promise<void>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.schedule(tellEveryMs, () => resolve(false));
    void promise.then(() => {
      timer.cancel();
      resolve(true);
    });
  });
}
