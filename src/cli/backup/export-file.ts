import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { QuorateError } from '../../base/quorate-error.ts';
import type { EntryAnswer } from '../../client/answers.ts';
import type { KeySpelling } from '../../config/key-spelling.ts';
import { formatEntryLine, parseEntryLine } from '../entry-line.ts';
import { linesOf } from './lines.ts';

/**
 * The file of an export. It is written under another name, `<file>.partial`, and gets its own when
 * it is complete and durable: an export that was interrupted is not taken for a whole one.
 */
export class ExportFile {
  readonly #path: string;
  readonly #descriptor: number;
  /** How many lines it has. */
  lines: number;
  /** The key of its last line, after which a resumed export goes on. */
  readonly lastKey: KeySpelling | undefined;

  private constructor(path: string, descriptor: number, found: LastLine) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.lines = found.lines;
    this.lastKey = found.lastKey;
  }

  /**
   * Opens the file.
   *
   * @param isResumed whether to go on with what an earlier export left; without it that is replaced.
   * @throws QuorateError CONFIGURATION if a whole file is there, or none to go on with.
   */
  static async open(path: string, isResumed: boolean): Promise<ExportFile> {
    const partial = partialOf(path);
    try {
      if (!isResumed) {
        if (existsSync(path)) throw refused(path, 'exists: name another file, or remove it');
        return new ExportFile(path, openSync(partial, 'w'), { lines: 0, bytes: 0 });
      }
      // A file that was cut short elsewhere has its own name.
      if (!existsSync(partial) && existsSync(path)) renameSync(path, partial);
      if (!existsSync(partial))
        throw refused(path, 'has nothing to go on with: leave --resume out');
      const found = await lastLineOf(partial);
      const descriptor = openSync(partial, 'a');
      ftruncateSync(descriptor, found.bytes);
      return new ExportFile(path, descriptor, found);
    } catch (error: unknown) {
      if (error instanceof QuorateError) throw error;
      throw refused(path, `cannot be written (${String(error)})`, error);
    }
  }

  append(entries: readonly EntryAnswer[]): void {
    const bytes = Buffer.from(entries.map((entry) => `${formatEntryLine(entry)}\n`).join(''));
    for (let offset = 0; offset < bytes.length; ) {
      offset += writeSync(this.#descriptor, bytes, offset);
    }
    this.lines += entries.length;
  }

  /** Gives the complete file its name. */
  finish(): void {
    fsyncSync(this.#descriptor);
    renameSync(partialOf(this.#path), this.#path);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** The name of an incomplete export. */
export function partialOf(path: string): string {
  return `${path}.partial`;
}

interface LastLine {
  readonly lines: number;
  /** How many bytes the complete lines have. */
  readonly bytes: number;
  readonly lastKey?: KeySpelling;
}

async function lastLineOf(path: string): Promise<LastLine> {
  let lines = 0;
  let bytes = 0;
  let last: Buffer | undefined;
  for await (const line of linesOf(path)) {
    // The end of one that was being written when the export ended.
    if (!line.isComplete) break;
    lines = line.number;
    bytes = line.nextOffset;
    last = line.bytes;
  }
  if (last === undefined) return { lines, bytes };
  const entry = parseEntryLine(last.toString());
  if (typeof entry === 'string')
    throw refused(path, `cannot be resumed: of line ${lines}, ${entry}`);
  return { lines, bytes, lastKey: entry.key };
}

function refused(path: string, sentence: string, cause?: unknown): QuorateError {
  return new QuorateError('CONFIGURATION', { path }, `${path} ${sentence}`, { cause });
}
