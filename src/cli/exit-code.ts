import type { QuorateError } from '../base/quorate-error.ts';

/** How a command ended, for scripts. */
export const exitCodes = {
  ok: 0,
  /** The key is absent. */
  absent: 1,
  /** The command line, a file it names, or a port is wrong; the server was not asked. */
  usage: 2,
  /** Certainly not done; the same command may succeed later. */
  retryable: 3,
  /** The server refused; the same command will fail again. */
  refused: 4,
  /** A write that may have been applied. */
  uncertain: 5,
  /** A node ended because its disk has failed. */
  diskFailure: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code of an error. */
export function exitCodeOf(error: QuorateError): ExitCode {
  if (error.code === 'CONFIGURATION') return exitCodes.usage;
  if (error.mayHaveApplied) return exitCodes.uncertain;
  return error.retryable ? exitCodes.retryable : exitCodes.refused;
}

/** What the exit codes mean, for the help text. */
export const exitCodesHelp =
  'Exit codes: 0 done, 1 absent key, 2 usage, 3 not done and retryable, 4 refused by the server, 5 a write that may have been applied, 6 a node whose disk has failed.';
