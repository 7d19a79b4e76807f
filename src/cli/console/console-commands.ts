/** What the console knows: for its help and for completion. Pure. */
interface ConsoleCommand {
  readonly name: string;
  readonly usage: string;
  readonly describe: string;
}

const consoleCommands: readonly ConsoleCommand[] = [
  command('get', '<key> [level]', 'read a key'),
  command('put', '<key> <value> [level]', 'store text; quote it if it has blanks'),
  command('put', '<key> --ttl 10m <value>', 'store text that is absent after ten minutes'),
  command('put', '<key> --json <json>', 'store JSON: all that is left of the line'),
  command('put', '<key> --hex <digits>', 'store bytes'),
  command('delete', '<key> [level]', 'delete a key'),
  command('level', '[level]', 'ONE, TWO, THREE, QUORUM or ALL from now on'),
  command('explain', 'on | off', 'show which replicas said what, from now on'),
  command('explain', 'get | put | delete ...', 'show it for this one command'),
  command('display', '[node]', 'what each node itself holds'),
  command('locate', '<key>', 'where a key lives'),
  command('status', '', 'the cluster as the coordinator sees it'),
  command('use', '<node | host:port>', 'another coordinator, and no other by itself'),
  command('help', '', 'this'),
  command('exit', '', 'leave; so does Ctrl-D'),
];

function command(name: string, usage: string, describe: string): ConsoleCommand {
  return { name, usage, describe };
}

/** The words that begin a line. */
export const consoleVerbs: readonly string[] = [
  ...new Set(consoleCommands.map(({ name }) => name)),
];

const keysHelp =
  'Keys: 0 to 255 is the number key, anything else is text; text:63 and hex:00ff say which.';

/** The help text, a line each. */
export function consoleHelp(): readonly string[] {
  const width = Math.max(...consoleCommands.map(({ name, usage }) => name.length + usage.length));
  const lines = consoleCommands.map(
    ({ name, usage, describe }) => `${`${name} ${usage}`.padEnd(width + 3)}${describe}`,
  );
  return [...lines, keysHelp];
}

/** What may follow the first word of a line, where that is a closed list. */
const wordsAfter: Readonly<Record<string, readonly string[]>> = {
  level: ['ONE', 'TWO', 'THREE', 'QUORUM', 'ALL'],
  explain: ['on', 'off', 'get', 'put', 'delete'],
};

/**
 * Completes the last word of a line, in the form that readline wants.
 *
 * @param nodes the names of the nodes that are known.
 */
export function completeLine(
  line: string,
  nodes: readonly string[],
): [completions: string[], completed: string] {
  const [verb = '', second] = line.trimStart().split(/\s+/);
  if (second === undefined) return complete(verb, consoleVerbs);
  const isNode = verb === 'use' || verb === 'display';
  return complete(second, isNode ? nodes : (wordsAfter[verb] ?? []));
}

function complete(begun: string, words: readonly string[]): [string[], string] {
  const lower = begun.toLowerCase();
  const found = words.filter((word) => word.toLowerCase().startsWith(lower));
  return [found.map((word) => `${word} `), begun];
}
