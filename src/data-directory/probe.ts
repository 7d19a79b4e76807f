import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../runtime/clock.ts';
import type { Identity } from './identity.ts';

const mainPath = fileURLToPath(new URL('./probe-main.js', import.meta.url));

/** A disk that needs longer than this for a few thousand pages is not usable. */
const probeMsMax = 30_000;

/** What a look at a database found. */
export interface Finding {
  /** What is wrong with it, as the end of a sentence about the file. */
  readonly fault?: string;
  /** Whose it is, unless something is wrong with it or it does not say. */
  readonly identity?: Identity | undefined;
}

/** Looks at a database in a child process, which may die of what it finds. */
export function probe(path: string, clock: Clock): Promise<Finding> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [mainPath, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    const timer = clock.schedule(probeMsMax, () => child.kill('SIGKILL'));
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.once('error', (error) => {
      timer.cancel();
      resolve({ fault: `could not be looked at: ${error.message}` });
    });
    child.once('close', (code, signal) => {
      timer.cancel();
      resolve(judge(Buffer.concat(output).toString(), { code, signal, errors }));
    });
  });
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: readonly Buffer[];
}

function judge(output: string, { code, signal, errors }: Ending): Finding {
  if (signal === 'SIGKILL')
    return { fault: `could not be looked at within ${probeMsMax / 1_000} s` };
  if (signal !== null) return { fault: `is damaged: reading it ended in ${signal}` };
  if (code === 0 && output !== '') return JSON.parse(output) as Finding;
  const reason = /^\w*Error.*$/m.exec(Buffer.concat(errors).toString())?.[0];
  return { fault: `cannot be read: ${reason ?? `the look at it ended with code ${code}`}` };
}
