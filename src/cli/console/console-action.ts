import { parseHex } from '../../base/bytes.ts';
import { QuorateError } from '../../base/quorate-error.ts';
import type { PlainValue } from '../../client/answers.ts';
import { type ConsistencyLevel, consistencyLevels, parseLevel } from '../../config/choices.ts';
import { parseDuration } from '../../config/duration.ts';
import { type KeySpelling, parseKey } from '../../config/key-spelling.ts';
import { nearest } from '../nearest.ts';
import { consoleVerbs } from './console-commands.ts';
import { type ConsoleWord, WordReader } from './console-words.ts';

/** What a console line asks for. Reading it is pure; ConsoleSession does it. */
export type ConsoleAction =
  | KeyAction
  | { readonly verb: 'level'; readonly level: ConsistencyLevel | undefined }
  | { readonly verb: 'explain'; readonly isOn: boolean }
  | { readonly verb: 'display'; readonly node: string | undefined }
  | { readonly verb: 'locate'; readonly key: KeySpelling }
  | { readonly verb: 'use'; readonly target: string }
  | { readonly verb: 'status' | 'help' | 'exit' };

/** A get, put or delete. Without a level it has the console's. */
export type KeyAction = {
  readonly key: KeySpelling;
  readonly level: ConsistencyLevel | undefined;
  readonly isExplained: boolean;
} & (
  | { readonly verb: 'get' | 'delete' }
  | { readonly verb: 'put'; readonly value: PlainValue; readonly ttlMs: number | undefined }
);

/** A value of 1 MiB fits, quoted. */
const lineLengthMax = 2 * 1024 * 1024;

/**
 * Reads a line. @returns `undefined` for an empty line and for a comment, which begins with #.
 *
 * @throws QuorateError CONFIGURATION that says what to write instead.
 */
export function parseConsoleLine(line: string): ConsoleAction | undefined {
  if (line.length > lineLengthMax) {
    throw refused(`the line has ${line.length} characters: ${lineLengthMax} are the most`);
  }
  const words = new WordReader(line);
  if (line.trimStart().startsWith('#')) return undefined;
  const verb = words.next()?.text.toLowerCase();
  return verb === undefined ? undefined : parseVerb(verb, words);
}

function parseVerb(verb: string, words: WordReader): ConsoleAction {
  switch (verb) {
    case 'get':
    case 'put':
    case 'delete':
      return parseKeyAction(verb, words, false);
    case 'explain':
      return parseExplain(words);
    case 'level': {
      const [level] = take(words, 'level [ONE | TWO | THREE | QUORUM | ALL]', 0, 1);
      return { verb, level: level && parseLevel(level.text) };
    }
    case 'display':
      return { verb, node: take(words, 'display [node]', 0, 1)[0]?.text };
    case 'locate':
      return { verb, key: keyOf(take(words, 'locate <key>', 1, 1)[0]) };
    case 'use':
      return { verb, target: take(words, 'use <node | host:port>', 1, 1)[0]?.text ?? '' };
    case 'status':
    case 'help':
    case 'exit':
      take(words, verb, 0, 0);
      return { verb };
    case 'quit':
      return { verb: 'exit' };
    default:
      throw unknownVerb(verb);
  }
}

function parseExplain(words: WordReader): ConsoleAction {
  const what = words.next()?.text.toLowerCase();
  if (what === 'on' || what === 'off') {
    take(words, 'explain on | off', 0, 0);
    return { verb: 'explain', isOn: what === 'on' };
  }
  if (what === 'get' || what === 'put' || what === 'delete') {
    return parseKeyAction(what, words, true);
  }
  throw refused('write explain on, explain off, or explain before get, put or delete');
}

function parseKeyAction(
  verb: 'get' | 'put' | 'delete',
  words: WordReader,
  isExplained: boolean,
): KeyAction {
  if (verb === 'put') return parsePut(words, isExplained);
  const [key, level] = take(words, `${verb} <key> [level]`, 1, 2);
  return { verb, key: keyOf(key), level: level && parseLevel(level.text), isExplained };
}

const putUsage =
  'put <key> <value> [level] [--ttl 10m], with quotes around a value that has blanks';

function parsePut(words: WordReader, isExplained: boolean): KeyAction {
  const verb = 'put';
  const key = keyOf(words.next());
  let first = words.next();
  let ttlMs: number | undefined;
  if (isFlag(first, '--ttl')) {
    ttlMs = ttlOf(words.next());
    first = words.next();
  }
  if (first === undefined) throw refused(`write ${putUsage}`);
  if (isFlag(first, '--json')) {
    const value = { kind: 'json', json: parseJson(words.rest()) } as const;
    return { verb, key, value, ttlMs, level: undefined, isExplained };
  }
  const isHex = isFlag(first, '--hex');
  const given = isHex ? words.next() : first;
  const value = isHex ? bytesOf(given) : ({ kind: 'text', text: given?.text ?? '' } as const);
  return { verb, key, value, isExplained, ...parsePutTail(words, ttlMs) };
}

/** What may follow the value of a put: a level, a time to live, each once and in any order. */
function parsePutTail(words: WordReader, ttlMsBefore: number | undefined) {
  let ttlMs = ttlMsBefore;
  let level: ConsistencyLevel | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (ttlMs === undefined && isFlag(word, '--ttl')) ttlMs = ttlOf(words.next());
    else if (level === undefined && isLevel(word)) level = parseLevel(word.text);
    else throw refused(`write ${putUsage}`);
  }
  return { level, ttlMs };
}

function isFlag(word: ConsoleWord | undefined, flag: string): boolean {
  return word?.text === flag && !word.isQuoted;
}

function ttlOf(word: ConsoleWord | undefined): number {
  if (word === undefined) throw refused('write a duration after --ttl, such as 10m');
  return parseDuration(word.text);
}

function isLevel({ text, isQuoted }: ConsoleWord): boolean {
  return !isQuoted && consistencyLevels.some((level) => level === text.toUpperCase());
}

/** The words that are left, if they are as many as they should be. */
function take(words: WordReader, usage: string, min: number, max: number): readonly ConsoleWord[] {
  const all = words.all();
  if (all.length >= min && all.length <= max) return all;
  throw refused(`write ${usage}`);
}

function keyOf(word: ConsoleWord | undefined): KeySpelling {
  if (word === undefined)
    throw refused('a key is missing: type help to see how commands are written');
  return parseKey(word.text);
}

function bytesOf(word: ConsoleWord | undefined): PlainValue {
  const bytes = word && parseHex(word.text);
  if (bytes !== undefined) return { kind: 'bytes', bytes };
  throw refused('the value is not hexadecimal: write pairs of 0-9 a-f after --hex');
}

/** JSON as it stands, or in single quotes as for a shell. */
function parseJson(text: string): unknown {
  const isInQuotes = text.length >= 2 && text.startsWith("'") && text.endsWith("'");
  try {
    return JSON.parse(isInQuotes ? text.slice(1, -1) : text) as unknown;
  } catch (error: unknown) {
    throw refused(`the value is not JSON (${QuorateError.from(error).details['reason']})`);
  }
}

function unknownVerb(verb: string): QuorateError {
  const shown = JSON.stringify(verb.slice(0, 40));
  const near = nearest(verb.slice(0, 40), consoleVerbs);
  const suggestion = near === undefined ? '' : ` Did you mean ${near}?`;
  return refused(`${shown} is not a command; type help.${suggestion}`);
}

function refused(message: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, message);
}
