import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The lines typed in earlier consoles, newest first, in one file that only its owner reads. A
 * history that cannot be read or written is done without.
 */
export const historyLengthMax = 500;
/** Lines with long values are not worth keeping. */
const lineLengthMax = 1_000;

/** Where the history is: below XDG_STATE_HOME if that is set, else in the home folder. */
export function historyPath(environment: Readonly<Record<string, string | undefined>>): string {
  const state = environment['XDG_STATE_HOME'];
  return state ? join(state, 'quorate_history') : join(homedir(), '.quorate_history');
}

/** The lines of a history file, newest first; none if there is no file. */
export function readHistory(path: string): string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').slice(0, historyLengthMax);
  } catch {
    return [];
  }
}

/** Writes the lines, newest first. */
export function writeHistory(path: string, lines: readonly string[]): void {
  const kept = lines.filter((line) => line.length <= lineLengthMax).slice(0, historyLengthMax);
  try {
    writeFileSync(path, kept.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch {
    // A read-only home takes nothing from the console but its memory.
  }
}
