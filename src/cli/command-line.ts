import yargs from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';
import type { CommandOutcome } from './command.ts';
import { commands } from './commands.ts';
import { describeError } from './error-text.ts';
import { type ExitCode, exitCodeOf, exitCodes, exitCodesHelp } from './exit-code.ts';
import { nearest } from './nearest.ts';
import { say } from './terminal.ts';

/** Runs one command line. @returns its exit code; errors were said on stderr. */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  const outcome: CommandOutcome = { exitCode: exitCodes.ok, flags: [] };
  try {
    await buildCommandLine(words, outcome).parseAsync();
    return outcome.exitCode;
  } catch (error: unknown) {
    if (error instanceof UsageError) {
      say(`quorate: ${error.message}`);
      return exitCodes.usage;
    }
    const quorateError = QuorateError.from(error);
    for (const line of describeError(quorateError)) say(line);
    return exitCodeOf(quorateError);
  }
}

/** A command line that says nothing sensible. */
class UsageError extends Error {}

function buildCommandLine(words: readonly string[], outcome: CommandOutcome) {
  const base = yargs([...words])
    .scriptName('quorate')
    .usage('$0 <command>\n\nA replicated key-value store: a cluster, its nodes, and a client.')
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
    })
    .exitProcess(false)
    .strict()
    .recommendCommands()
    .demandCommand(1, 'say what to do; `quorate --help` lists the commands.')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .alias('help', 'h')
    .epilogue(exitCodesHelp)
    .fail((message, error) => {
      // A command that failed, or the reader of a flag: these have said it all.
      if (error !== undefined && error instanceof Error && error.name !== 'YError') throw error;
      throw new UsageError(usageSentence(message ?? error.message, outcome.flags));
    });
  return commands.reduce((line, command) => command.addTo(line, outcome), base);
}

/** What yargs found, with what to do next. */
function usageSentence(message: string, flags: readonly string[]): string {
  const sentence = message.replaceAll('\n', ' ').trim();
  const unknown = /^Unknown arguments?: ([^\s,]+)/.exec(sentence)?.[1];
  const suggestion = unknown === undefined ? undefined : nearest(unknown, flags);
  if (suggestion !== undefined) return `${sentence}. Did you mean --${suggestion}?`;
  const stop = /[.?!]$/.test(sentence) ? '' : '.';
  return /--help|Did you mean/.test(sentence)
    ? sentence
    : `${sentence}${stop} Add --help to see what is known.`;
}
