import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { formatTime } from '../runtime/format-time.ts';

/** The names in a data directory, and moving them about so that a power cut leaves no halves. */

export const dataFileName = 'data.mdb';
export const stateFileName = 'state';
const creatingFileName = 'creating';
/** What is moved aside together. */
const ownFiles = [dataFileName, `${dataFileName}-lock`, stateFileName] as const;
/** The copy in a snapshot that is not complete: no node takes it for its data. */
export const partFileName = 'data.mdb.part';
/** What an empty directory may hold: the lock, what was moved aside, what file systems make. */
const harmless = /^(lock|lost\+found|discarded-.*|creating\.new|\.DS_Store)$/;

/** Makes a folder and those above it. The recursive one of Node hides why it could not. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error: unknown) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      makeFolder(dirname(path));
      makeFolder(path);
    } else if (code !== 'EEXIST') {
      throw error;
    }
  }
}

/** Whether there is something under a name, an empty file not counted. */
export function hasContent(directory: string, name: string): boolean {
  const status = statSync(join(directory, name), { throwIfNoEntry: false });
  return status !== undefined && status.size > 0;
}

/** Whether the directory holds files of a node, be they whole or not. */
export function hasOwnFiles(directory: string): boolean {
  return [...ownFiles, creatingFileName].some((name) => existsSync(join(directory, name)));
}

/** A file that Quorate did not make, if there is one. */
export function firstOtherFile(directory: string): string | undefined {
  return readdirSync(directory).find((name) => !harmless.test(name));
}

/** That data is being begun and nothing was stored yet: a start that finds it begins again. */
export interface Beginning {
  readonly cluster: string;
  readonly node: string;
  readonly isRebuilding: boolean;
}

/** The beginning that never ended, if there is one. */
export function readBeginning(directory: string): Beginning | undefined {
  const path = join(directory, creatingFileName);
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as Beginning;
}

/** Notes durably that data is being begun. */
export function writeBeginning(directory: string, beginning: Beginning): void {
  const draft = join(directory, `${creatingFileName}.new`);
  writeFileSync(draft, JSON.stringify(beginning), { flush: true });
  renameSync(draft, join(directory, creatingFileName));
  flushFolder(directory);
}

/** Notes durably that the data is complete, all its files included. */
export function endBeginning(directory: string): void {
  flushFolder(directory);
  rmSync(join(directory, creatingFileName));
  flushFolder(directory);
}

/** Moves the files of a node, if there are any, to a folder of their own in the directory. */
export function moveAside(directory: string, realtimeMs: number): void {
  const names = ownFiles.filter((name) => existsSync(join(directory, name)));
  if (names.length === 0) return;
  const folder = makeDiscarded(directory, realtimeMs);
  for (const name of names) renameSync(join(directory, name), join(folder, name));
  flushFolder(folder);
  flushFolder(directory);
}

function makeDiscarded(directory: string, realtimeMs: number): string {
  // Colons are no part of names on some systems.
  const time = formatTime(realtimeMs).replaceAll(':', '-');
  for (let count = 1; ; count++) {
    const folder = join(directory, `discarded-${time}${count === 1 ? '' : `-${count}`}`);
    if (existsSync(folder)) continue;
    mkdirSync(folder);
    return folder;
  }
}

/** Makes the names in a folder durable. */
export function flushFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
