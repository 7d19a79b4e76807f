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
  const dashes = words.indexOf('--');
  const end = dashes === -1 ? words.length : dashes;
  const rest = words.slice(end + 1);
  const line = words.slice(0, end);
  const outcome: CommandOutcome = {
    words: line,
    rest,
    exitCode: exitCodes.ok,
    flags: [],
    usage: '',
  };
  try {
    await buildCommandLine(line, outcome).parseAsync();
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
      // Otherwise a lone dash, which means standard input, is read as an empty text.
      'nargs-eats-options': true,
    })
    .exitProcess(false)
    .strict()
    .demandCommand(1, 'say what to do; `quorate --help` lists the commands.')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .alias('help', 'h')
    .epilogue(exitCodesHelp)
    .fail((message, error) => {
      // A command that failed, or the reader of a flag: these have said it all.
      if (error !== undefined && error instanceof Error && error.name !== 'YError') throw error;
      throw new UsageError(usageSentence(message ?? error.message, words, outcome));
    });
  return commands.reduce((line, command) => command.addTo(line, outcome), base);
}

/** What yargs found, with what to do next. */
function usageSentence(
  message: string,
  words: readonly string[],
  { flags, usage }: CommandOutcome,
): string {
  const sentence = message.replaceAll('\n', ' ').trim();
  if (sentence.startsWith('Not enough non-option')) return missingSentence(usage);
  const unknown = /^Unknown (?:arguments?|commands?): ([^\s,]+)/.exec(sentence)?.[1];
  // Without a command its flags are as unknown as its name.
  const command = words.find((word) => !word.startsWith('-'));
  const names = commands.flatMap(({ name }) => name ?? []);
  if (unknown !== undefined && command !== undefined && !names.includes(command)) {
    const meant = nearest(command, names);
    const suggestion = meant === undefined ? '' : ` Did you mean ${meant}?`;
    return `there is no command "${command}".${suggestion} \`quorate --help\` lists them.`;
  }
  const suggestion = unknown === undefined ? undefined : nearest(unknown, flags);
  if (suggestion !== undefined) return `${sentence}. Did you mean --${suggestion}?`;
  const isOfYargs = /^(Unknown|Too many|Missing|Invalid|Arguments)/.test(sentence);
  const stop = /[.?!]$/.test(sentence) ? '' : '.';
  return isOfYargs ? `${sentence}${stop} Add --help to see what is known.` : sentence;
}

function missingSentence(usage: string): string {
  if (usage === '') return 'an argument is missing.';
  const dash = usage.includes('<key>') ? '; a key that begins with a dash is text:-x' : '';
  return `an argument is missing: write quorate ${usage}${dash}. Add --help to see more.`;
}
