import {
  linkSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { makeFolder } from './files.ts';
import { isAlive, ownRun, type ProcessRun } from './process-life.ts';

/** What this process holds: it tells its own locks from those of an earlier process with its id. */
const heldHere = new Set<string>();

/** A holder that was just told to end may need this long; a refusal has to come soon, though. */
const waitMs = 700;
const pollMs = 50;
/** Old numbers that are kept, see below. */
const keptNumbers = 8;

/**
 * One process at a time on a data directory. Node has no file locks that end with their process,
 * so the holder writes down who it is, and whoever finds a holder that is gone takes over.
 *
 * Taking away a stale lock is where such locks break: between looking and removing, somebody else
 * may have taken it. Here nothing that counts is ever removed. The folder `lock` holds numbered
 * files, and the highest one names the holder. To take over, a starter makes the next number,
 * complete with its content, by a link that fails if that number is there: of any number of
 * starters one succeeds, and the others look again. A stop empties the file and leaves it. Only
 * numbers far behind the highest are swept away, and a starter that slept through all of those and
 * made one of them again sees the higher ones and gives way.
 *
 * It does not see processes of other machines or of other containers that share the directory;
 * the links between the nodes refuse a second process of one name.
 */
export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    heldHere.add(path);
  }

  /**
   * Takes the lock of a directory.
   *
   * @returns the lock, or the process that holds it and still did after a short wait.
   */
  static async take(
    directory: string,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ): Promise<DirectoryLock | ProcessRun> {
    const folder = join(realpathSync(directory), 'lock');
    makeFolder(folder);
    const draft = join(folder, `draft-${random.uint64().toString(16)}`);
    const untilMs = clock.monotonicMs() + waitMs;
    writeFileSync(draft, JSON.stringify(ownRun()), { flag: 'wx' });
    try {
      for (;;) {
        const outcome = tryToTake(folder, draft);
        if (typeof outcome === 'string') return new DirectoryLock(outcome);
        if (outcome === undefined) continue;
        if (clock.monotonicMs() >= untilMs) return outcome;
        await new Promise<void>((resolve) => clock.schedule(pollMs, resolve));
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** Lets the next process in. */
  release(): void {
    truncateSync(this.#path);
    heldHere.delete(this.#path);
  }
}

/** @returns the path of the lock that was taken, its holder, or `undefined` to look again. */
function tryToTake(folder: string, draft: string): string | ProcessRun | undefined {
  const highest = highestIn(folder);
  const holder = highest === 0 ? undefined : readRun(join(folder, String(highest)));
  if (holder !== undefined && isHeld(holder, join(folder, String(highest)))) return holder;
  const own = join(folder, String(highest + 1));
  try {
    linkSync(draft, own);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  if (highestIn(folder) > highest + 1) {
    rmSync(own);
    return undefined;
  }
  sweep(folder, highest + 1);
  return own;
}

function isHeld(holder: ProcessRun, path: string): boolean {
  return holder.pid === process.pid ? heldHere.has(path) : isAlive(holder);
}

function highestIn(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map(numberOf));
}

function numberOf(name: string): number {
  return /^\d+$/.test(name) ? Number(name) : 0;
}

/** Who wrote a file of the lock; nobody if it is empty, gone, or was torn by a power cut. */
function readRun(path: string): ProcessRun | undefined {
  try {
    const { pid, start } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessRun>;
    return Number.isInteger(pid) ? { pid: pid ?? 0, start: String(start ?? '') } : undefined;
  } catch {
    return undefined;
  }
}

/** Removes numbers far behind the highest, and drafts of processes that are gone. */
function sweep(folder: string, highest: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const number = numberOf(name);
    const isOld = number > 0 && number <= highest - keptNumbers;
    const writer = name.startsWith('draft-') ? readRun(path) : undefined;
    if (isOld || (writer !== undefined && !isAlive(writer))) rmSync(path, { force: true });
  }
}
