import { readdirSync, readFileSync } from 'node:fs';

/**
 * Which run of a program a process id means. Ids are used again, after a restart of the machine
 * and in every container from 1 on; on Linux the moment of the start and the boot of the machine
 * tell two apart.
 */
export interface ProcessRun {
  readonly pid: number;
  /** Differs for every process that had or will have this id; empty where that cannot be known. */
  readonly start: string;
}

/** This process. */
export function ownRun(): ProcessRun {
  return { pid: process.pid, start: readStart(process.pid)?.start ?? '' };
}

/** Whether a process is still there, or something of it that may write: `false` once it is gone. */
export function isAlive({ pid, start }: ProcessRun): boolean {
  if (!isPresent(pid)) return false;
  const found = readStart(pid);
  if (found === undefined || start === '') return true;
  return found.start === start && !found.isGone;
}

function isPresent(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readStart(pid: number): { readonly start: string; readonly isGone: boolean } | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may hold blanks and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state = ''] = fields;
    const startTicks = fields[19] ?? '';
    return { start: `${boot}/${startTicks}`, isGone: 'ZX'.includes(state) && !hasThreads(pid) };
  } catch {
    return undefined;
  }
}

/** A killed process stays as a zombie until its parent looks; a thread of it may still end a write. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
