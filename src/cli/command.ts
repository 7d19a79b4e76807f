import { readFileSync } from 'node:fs';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';
import { parseSettings, type Settings, settingsOfEnvironment } from '../config/settings.ts';
import type { ExitCode } from './exit-code.ts';
import { withOneTarget, withoutRivals } from './target.ts';

/**
 * A command of the command line. Its flags also come from `QUORATE_*` and from the file named by
 * `--config`, except its positional arguments.
 */
export interface Command {
  /** What it is called, if it is listed. */
  readonly name?: string;
  /** Adds it to a command line. */
  addTo(yargs: Argv, outcome: CommandOutcome): Argv;
}

/** What the command that ran is given and leaves behind. */
export interface CommandOutcome {
  /** The words before `--`, as they were typed. */
  readonly words: readonly string[];
  /** The words after `--`: positional arguments, whatever they begin with. */
  readonly rest: readonly string[];
  exitCode: ExitCode;
  /** The flags that the command which was chosen knows, for suggestions. */
  flags: readonly string[];
  /** The command which was chosen with its arguments, in the notation of yargs. */
  usage: string;
}

export interface CommandDefinition<Args> {
  /** The name and the positional arguments, in the notation of yargs. */
  readonly command: string;
  readonly describe: string;
  /** Declares arguments, flags and examples. */
  readonly builder: (yargs: Argv) => Argv<Args>;
  /** Settles with the exit code; what it throws is said in one sentence. */
  readonly run: (args: ArgumentsCamelCase<NoInfer<Args>>) => Promise<ExitCode> | ExitCode;
}

/** Makes a command. */
export function defineCommand<Args>(definition: CommandDefinition<Args>): Command {
  const { command, describe, builder, run } = definition;
  return {
    name: command.replace(/ .*/, ''),
    addTo: (yargs, outcome) =>
      yargs.command(
        command,
        describe,
        (own) => {
          const built = builder(own.middleware(refuseBareFlags, true));
          for (const name of positionalsOf(command)) built.nargs(name, 1);
          outcome.flags = flagsOf(built, command);
          refuseNegated(built, outcome.words);
          outcome.usage = command;
          return withSettings(built, outcome.flags);
        },
        async (args) => {
          const filled = { ...args, ...restOf(args, command, outcome.rest) };
          const settled = withOneTarget(filled, outcome.words);
          outcome.exitCode = await run(settled as unknown as ArgumentsCamelCase<Args>);
        },
      ),
  };
}

/** Refuses a flag without its value, which readers of flags would get as `undefined`. */
function refuseBareFlags(args: Readonly<Record<string, unknown>>): void {
  const bare = Object.keys(args).find((name) => name.length > 1 && args[name] === undefined);
  if (bare === undefined) return;
  throw new QuorateError('CONFIGURATION', {}, `--${bare} needs a value; --help shows which`);
}

/** Refuses `--no-` before a flag that takes a text, whose reader would get `false`. */
function refuseNegated(yargs: Argv<unknown>, words: readonly string[]): void {
  const { string: texts } = (yargs as unknown as YargsInternals).getOptions();
  const negated = texts.map((name) => `--no-${name}`).filter((flag) => flag !== '--no-zookeeper');
  const word = words.find((candidate) => negated.includes(candidate));
  if (word === undefined) return;
  throw new QuorateError(
    'CONFIGURATION',
    {},
    `${word} is not a flag; --help shows those there are`,
  );
}

/** Gives the words after `--`, which yargs leaves alone, to the arguments that are still missing. */
function restOf(args: Readonly<Record<string, unknown>>, command: string, rest: readonly string[]) {
  const missing = positionalsOf(command).filter((name) => args[name] === undefined);
  const extra = rest[missing.length];
  if (extra === undefined) return Object.fromEntries(rest.map((word, at) => [missing[at], word]));
  const message = `"${extra}" after -- is one argument too many: leave it out`;
  throw new QuorateError('CONFIGURATION', {}, message);
}

function positionalsOf(command: string): readonly string[] {
  return [...command.matchAll(/[<[]([\w-]+)/g)].map(([, name = '']) => name);
}

/** The flags declared so far, without the positional arguments and what yargs adds. */
function flagsOf(yargs: Argv<unknown>, command: string): readonly string[] {
  const positionals = positionalsOf(command);
  const { key } = (yargs as unknown as YargsInternals).getOptions();
  return Object.keys(key).filter((name) => name.length > 1 && !positionals.includes(name));
}

/** What yargs has but its types leave out. */
interface YargsInternals {
  getOptions(): {
    readonly key: Readonly<Record<string, unknown>>;
    readonly string: readonly string[];
  };
}

function withSettings<Args>(yargs: Argv<Args>, flags: readonly string[]): Argv<Args> {
  const environment = settingsOfEnvironment(process.env);
  const known = (settings: Settings): Settings =>
    Object.fromEntries(Object.entries(settings).filter(([name]) => flags.includes(name)));
  const path = environment['config'];
  const file = (from: string) => ({
    ...withoutRivals(known(readSettings(from)), known(environment)),
    ...known(environment),
  });
  yargs.config(path === undefined ? known(environment) : file(String(path)));
  return yargs.option('config', {
    type: 'string',
    config: true,
    requiresArg: true,
    describe: 'JSON file with settings, by the names of the flags',
    configParser: file,
  });
}

function readSettings(path: string): Settings {
  try {
    return parseSettings(readFileSync(path, 'utf8'), path);
  } catch (error: unknown) {
    if (error instanceof QuorateError) throw error;
    const message = `cannot read ${path}: name a file that exists after --config`;
    throw new QuorateError('CONFIGURATION', { path }, message, { cause: error });
  }
}
