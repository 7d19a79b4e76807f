import { readFileSync } from 'node:fs';

/** What processes have used so far, as Linux tells it. */
export interface NodeUsage {
  /** Processor time of all together, in user and in kernel mode. */
  readonly cpuMs: number;
  /** The most memory that any of them has had, pages of the files it has mapped included. */
  readonly bytesMax: number;
  /** The most that any of them has now without those pages, which the system takes back at need. */
  readonly ownBytes: number;
}

/** Linux counts in hundredths of a second for programs, whatever its own clock does. */
const msPerTick = 10;
const bytesPerKilobyte = 1_024;

/** @returns `undefined` where one of them, or `/proc`, is not there. */
export function usageOf(pids: readonly number[]): NodeUsage | undefined {
  if (pids.length === 0) return undefined;
  try {
    const usages = pids.map((pid) =>
      parseUsage(
        readFileSync(`/proc/${pid}/stat`, 'latin1'),
        readFileSync(`/proc/${pid}/status`, 'latin1'),
      ),
    );
    return {
      cpuMs: usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      bytesMax: Math.max(...usages.map(({ bytesMax }) => bytesMax)),
      ownBytes: Math.max(...usages.map(({ ownBytes }) => ownBytes)),
    };
  } catch {
    return undefined;
  }
}

/** Reads `/proc/<pid>/stat` and `/proc/<pid>/status`. */
export function parseUsage(stat: string, status: string): NodeUsage {
  // The second field is the name in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return {
    cpuMs: (userTicks + systemTicks) * msPerTick,
    bytesMax: bytesOf(status, /^VmHWM:\s+(\d+) kB$/m),
    ownBytes: bytesOf(status, /^RssAnon:\s+(\d+) kB$/m),
  };
}

function bytesOf(status: string, line: RegExp): number {
  const [, kilobytes] = line.exec(status) ?? [];
  return Number(kilobytes) * bytesPerKilobyte;
}
