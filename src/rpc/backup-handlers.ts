import {
  type Entry,
  type ExportEntriesRequest,
  type ExportEntriesResponse,
  type ImportEntriesRequest,
  type ImportEntriesResponse,
  ImportEntriesResponse_Outcome,
} from '../../generated/quorate/v1/cluster.ts';
import { keyAfter } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { belowFloor } from '../coordinator/write-operation.ts';
import { isTooFarAhead } from '../record/hybrid-clock.ts';
import { recordBytes } from '../record/versioned-value.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KeyedRecord } from '../storage/storage.ts';
import type { ClusterWalk } from '../transfer/cluster-walk.ts';
import { entryFromWire, entryToWire } from '../wire/entry-form.ts';
import { keyFromWire } from '../wire/key-form.ts';
import type { CallContext } from './call-context.ts';

/** What the whole cluster holds, out and in again under the same versions. */
interface BackupComponents {
  readonly clock: Clock;
  readonly coordinator: Coordinator;
  readonly ring: Ring;
  readonly walk: Pick<ClusterWalk, 'from'>;
}

/** A message ends with the entry that passes this: one value more fits any limit. */
const messageBytesMin = 512 * 1024;

/** Streams the newest record of every key. */
export async function* exportEntries(
  { ring, walk }: BackupComponents,
  { keyForm }: ExportEntriesRequest,
): AsyncIterable<ExportEntriesResponse> {
  const start = keyForm === undefined ? new Uint8Array() : keyAfter(keyFromWire(keyForm));
  for await (const records of walk.from(start)) {
    for (const message of messagesOf(records, ring)) yield message;
  }
}

function* messagesOf(records: readonly KeyedRecord[], ring: Ring): Iterable<ExportEntriesResponse> {
  let entries: Entry[] = [];
  let bytes = 0;
  for (const keyed of records) {
    entries.push(entryToWire(keyed, ring));
    bytes += recordBytes(keyed.key, keyed.record);
    if (bytes < messageBytesMin) continue;
    yield { entries };
    entries = [];
    bytes = 0;
  }
  if (entries.length > 0) yield { entries };
}

/** Stores records under the versions that they have. */
export async function importEntries(
  components: BackupComponents,
  { entries }: ImportEntriesRequest,
  { timeoutMs }: CallContext,
): Promise<ImportEntriesResponse> {
  const records = entries.map(entryFromWire);
  const outcomes = records.map((keyed) => importRecord(components, keyed, timeoutMs));
  return { outcomes: await Promise.all(outcomes) };
}

async function importRecord(
  { clock, coordinator }: BackupComponents,
  { key, record: { version, value } }: KeyedRecord,
  timeoutMs: number,
): Promise<ImportEntriesResponse_Outcome> {
  // It would forbid all writes to the key until the clocks have passed it.
  if (isTooFarAhead(version.clock, clock.realtimeMs())) {
    return ImportEntriesResponse_Outcome.AHEAD_OF_CLOCK;
  }
  const level = 'QUORUM';
  try {
    await coordinator.write({ key, value, version, level, timeoutMs, isExplained: false });
    return ImportEntriesResponse_Outcome.STORED;
  } catch (thrown: unknown) {
    const error = QuorateError.from(thrown);
    if (error.details['reason'] !== belowFloor) throw error;
    return ImportEntriesResponse_Outcome.BELOW_FLOOR;
  }
}
