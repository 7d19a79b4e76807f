import { decodeText } from '../../base/bytes.ts';
import { QuorateError } from '../../base/quorate-error.ts';
import type { ImportedEntry } from '../../client/answers.ts';
import type { BackupClient, ImportOutcome } from '../../client/backup-client.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseEntryLine } from '../entry-line.ts';
import { describeError } from '../error-text.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { type FileLine, linesOf } from './lines.ts';

/**
 * Stores the lines of an export, some messages at a time. Records keep their versions, so that
 * sending one again is always safe: what failed for a while is tried again here, and a whole import
 * may be run again.
 */
export interface ImporterComponents {
  readonly clock: Clock;
  readonly client: Pick<BackupClient, 'importEntries'>;
  /** Says something for people, a line. */
  readonly say: (line: string) => void;
}

interface Row {
  readonly line: number;
  readonly entry: ImportedEntry;
}

const batchRowsMax = 256;
const batchBytesMax = 512 * 1024;
const batchesAtOnce = 4;
const tryForMs = 15_000;
const tryAgainAfterMs = 500;
const namedMax = 20;

export class Importer {
  readonly #components: ImporterComponents;
  readonly #onProgress: (lines: number, bytes: number) => void;
  stored = 0;
  aheadOfClock = 0;
  belowFloor = 0;
  damaged = 0;
  /** How the command ends if the cluster failed; the rest of the file was not read then. */
  problem: ExitCode | undefined;
  #batches: Row[][] = [[]];
  #batchBytes = 0;
  #named = 0;

  constructor(components: ImporterComponents, onProgress: (lines: number, bytes: number) => void) {
    this.#components = components;
    this.#onProgress = onProgress;
  }

  /** Stores a file from a line on. It ends early, and `problem` tells, if the cluster fails. */
  async run(path: string, fromLine: number): Promise<void> {
    let last = fromLine - 1;
    for await (const line of linesOf(path)) {
      if (line.number < fromLine) continue;
      this.#take(line);
      if (this.#batches.length <= batchesAtOnce) continue;
      if (!(await this.#send(last))) return;
      last = line.number;
      this.#onProgress(line.number, line.nextOffset);
    }
    await this.#send(last);
  }

  #take({ number, bytes }: FileLine): void {
    const text = decodeText(bytes);
    const entry = text === undefined ? 'it is no UTF-8' : parseEntryLine(text);
    if (typeof entry === 'string') {
      this.damaged++;
      this.#name(`line ${number} is damaged: ${entry}`);
      return;
    }
    this.#batches.at(-1)?.push({ line: number, entry });
    this.#batchBytes += bytes.length;
    const rows = this.#batches.at(-1)?.length ?? 0;
    if (rows < batchRowsMax && this.#batchBytes < batchBytesMax) return;
    this.#batches.push([]);
    this.#batchBytes = 0;
  }

  /** Sends all that was taken. @param last the last line that was certainly stored before. */
  async #send(last: number): Promise<boolean> {
    const batches = this.#batches.filter((rows) => rows.length > 0);
    this.#batches = [[]];
    this.#batchBytes = 0;
    try {
      await Promise.all(batches.map((rows) => this.#sendOne(rows)));
      return true;
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      const [what = ''] = describeError(error);
      const next = `run the import again, or with --from-line ${last + 1} if its file is the same`;
      this.#components.say(what);
      this.#components.say(`quorate: lines up to ${last} are stored; ${next}`);
      this.problem = isWorthAnotherTry(error) ? exitCodes.retryable : exitCodes.refused;
      return false;
    }
  }

  async #sendOne(rows: readonly Row[]): Promise<void> {
    const { client, clock } = this.#components;
    const endMs = clock.monotonicMs() + tryForMs;
    for (;;) {
      try {
        const outcomes = await client.importEntries(rows.map(({ entry }) => entry));
        for (const [index, { line, entry }] of rows.entries()) {
          this.#count(line, entry, outcomes[index]);
        }
        return;
      } catch (thrown: unknown) {
        const error = QuorateError.from(thrown);
        if (!isWorthAnotherTry(error) || clock.monotonicMs() >= endMs) throw error;
        await new Promise<void>((resolve) => clock.schedule(tryAgainAfterMs, resolve));
      }
    }
  }

  #count(line: number, { version }: ImportedEntry, outcome: ImportOutcome | undefined): void {
    switch (outcome) {
      case 'stored':
        this.stored++;
        return;
      case 'below-floor':
        this.belowFloor++;
        return this.#name(`line ${line} is older than forgotten deletes: version ${version}`);
      default:
        this.aheadOfClock++;
        return this.#name(`line ${line} is ahead of the clock: version ${version}`);
    }
  }

  /** Names a line that is not stored; the first ones of many. */
  #name(what: string): void {
    this.#named++;
    if (this.#named <= namedMax) this.#components.say(`quorate: ${what}, and is not stored`);
    if (this.#named === namedMax) this.#components.say('quorate: further ones are only counted');
  }
}

/** Since a second time changes nothing, what may have been stored may be sent again. */
function isWorthAnotherTry({ retryable, mayHaveApplied }: QuorateError): boolean {
  return retryable || mayHaveApplied;
}
