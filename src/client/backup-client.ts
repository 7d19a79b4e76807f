import { type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  ClusterServiceClient,
  ImportEntriesResponse_Outcome,
} from '../../generated/quorate/v1/cluster.ts';
import type { Clock } from '../runtime/clock.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { type KeySpelling, spellingToWire } from '../wire/key-form.ts';
import { entryAnswer, importedEntry } from './answer-forms.ts';
import type { EntryAnswer, ImportedEntry } from './answers.ts';
import { toQuorateError } from './call-error.ts';
import { channelOptions } from './channel-options.ts';
import { connect } from './connect.ts';

/** What became of a record. */
export type ImportOutcome = 'stored' | 'ahead-of-clock' | 'below-floor';

const importTimeoutMs = 10_000;

/** A client of one node for the long calls that copy data. They wait for as long as it answers. */
export class BackupClient {
  readonly #clock: Clock = new SystemClock();
  readonly #target: string;
  readonly #cluster: ClusterServiceClient;

  /** @param target the node, as `host:port`. */
  constructor(target: string) {
    this.#target = target;
    this.#cluster = new ClusterServiceClient(target, credentials.createInsecure(), channelOptions);
  }

  /** Makes the connection. @throws QuorateError CONNECTION_FAILED */
  connect(timeoutMs: number): Promise<void> {
    const deadline = this.#clock.realtimeMs() + timeoutMs;
    return connect(this.#cluster.getChannel(), deadline, this.#target);
  }

  /**
   * Has the node write a copy of what it keeps into a directory of its machine.
   *
   * @returns how many bytes have been written, again and again; the last is of the whole copy.
   * @throws QuorateError
   */
  async *snapshot(directory: string): AsyncIterable<number> {
    for await (const { bytes } of answersOf(this.#cluster.snapshot({ directory }))) {
      yield Number(bytes);
    }
  }

  /**
   * The newest record of every key of the whole cluster, in key order, some at a time.
   *
   * @param after the last key that is not wanted any more; from the first one on without.
   * @throws QuorateError NOT_ENOUGH_REPLICAS and others; what has come until then is right.
   */
  async *exportEntries(after?: KeySpelling): AsyncIterable<readonly EntryAnswer[]> {
    const keyForm = after === undefined ? undefined : spellingToWire(after);
    for await (const { entries } of answersOf(this.#cluster.exportEntries({ keyForm }))) {
      yield entries.map(entryAnswer);
    }
  }

  /**
   * Stores records under the versions that they have; a second time changes nothing.
   *
   * @returns for each in order whether it was stored, is too far ahead of the clock of the node, or
   * is older than the deletes that the cluster has forgotten.
   * @throws QuorateError; then some of them may be stored.
   */
  importEntries(entries: readonly ImportedEntry[]): Promise<readonly ImportOutcome[]> {
    const request = { entries: entries.map(importedEntry) };
    const deadline = this.#clock.realtimeMs() + importTimeoutMs;
    return new Promise((resolve, reject) => {
      this.#cluster.importEntries(request, new Metadata(), { deadline }, (error, response) => {
        if (error !== null) reject(toQuorateError(error, true));
        else resolve(response.outcomes.map(importOutcome));
      });
    });
  }

  /** Ends the connection. */
  close(): void {
    this.#cluster.close();
  }
}

function importOutcome(outcome: ImportEntriesResponse_Outcome): ImportOutcome {
  if (outcome === ImportEntriesResponse_Outcome.STORED) return 'stored';
  return outcome === ImportEntriesResponse_Outcome.BELOW_FLOOR ? 'below-floor' : 'ahead-of-clock';
}

async function* answersOf<Response>(
  stream: ClientReadableStream<Response>,
): AsyncIterable<Response> {
  try {
    for await (const answer of stream) yield answer as Response;
  } catch (error: unknown) {
    throw toQuorateError(error as ServiceError, false);
  } finally {
    stream.cancel();
  }
}
