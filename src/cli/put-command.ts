import { readFileSync } from 'node:fs';
import { decodeText, parseHex } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { PlainValue } from '../client/answers.ts';
import { parseDuration } from '../config/duration.ts';
import { parseKey } from '../config/key-spelling.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withKey } from './flags.ts';
import { printWrite } from './key-value-output.ts';
import { withClient } from './with-client.ts';

/** `quorate put`: stores one value. */
export const putCommand = defineCommand({
  command: 'put <key> [value]',
  describe: 'Store a value under a key',
  builder: (yargs) =>
    withKey(yargs)
      .positional('value', {
        type: 'string',
        describe: 'text; with --json or --hex in that form; - for standard input',
      })
      .option('json', { type: 'boolean', describe: 'the value is JSON' })
      .option('hex', { type: 'boolean', describe: 'the value is hexadecimal bytes' })
      .option('file', {
        type: 'string',
        requiresArg: true,
        describe: 'the value is the bytes of this file',
      })
      .option('ttl', {
        type: 'string',
        requiresArg: true,
        describe: 'for how long the value is there, such as 10m [default: for ever]',
        coerce: (text: string | undefined) => (text === undefined ? text : parseDuration(text)),
      })
      .conflicts('json', 'hex')
      .example('$0 put 7 hello', 'text under the number key 7')
      .example(`$0 put user:42 '{"name": "Ada"}' --json`, 'JSON under a text key')
      .example('$0 put photo --file photo.jpg', 'the bytes of a file')
      .example('$0 put session abc --ttl 10m', 'absent after ten minutes')
      .example('date | $0 put now -', 'standard input as text')
      .epilogue('A value that begins with a dash goes last, after --.'),
  run: (args) =>
    withClient(args, async (client) => {
      const { consistency, explain, ttl: ttlMs } = args;
      const value = readValue(args);
      const answer = await client.put(parseKey(args.key), value, { consistency, explain, ttlMs });
      printWrite('put', args.key, answer, args.output);
      return exitCodes.ok;
    }),
});

interface ValueArgs {
  readonly value: string | undefined;
  readonly json: boolean | undefined;
  readonly hex: boolean | undefined;
  readonly file: string | undefined;
}

const standardInput = 0;

/** The value that the arguments name. @throws QuorateError CONFIGURATION */
function readValue({ value, json, hex, file }: ValueArgs): PlainValue {
  if ((value === undefined) === (file === undefined)) {
    throw refused('give one value: as an argument, as - for standard input, or as --file path');
  }
  if (value === undefined || value === '-') {
    const bytes = readBytes(file ?? standardInput);
    if (!json && !hex) {
      return file === undefined
        ? { kind: 'text', text: readText(bytes) }
        : { kind: 'bytes', bytes };
    }
    return parseValue(bytes.toString('utf8').trim(), json === true);
  }
  if (!json && !hex) return { kind: 'text', text: value };
  return parseValue(value, json === true);
}

function readText(bytes: Buffer): string {
  const text = decodeText(bytes);
  if (text !== undefined) return text;
  throw refused('standard input is not text in UTF-8: use --file /dev/stdin for bytes');
}

function parseValue(text: string, isJson: boolean): PlainValue {
  if (isJson) return { kind: 'json', json: parseJson(text) };
  const bytes = parseHex(text);
  if (bytes !== undefined) return { kind: 'bytes', bytes };
  throw refused(`"${text.slice(0, 40)}" is not hexadecimal: write pairs of 0-9 a-f after --hex`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error: unknown) {
    const { reason } = QuorateError.from(error).details;
    throw refused(`the value is not JSON (${reason}): quote it for the shell, as in '{"a": 1}'`);
  }
}

function readBytes(source: string | number): Buffer {
  try {
    return readFileSync(source);
  } catch (error: unknown) {
    const name = source === standardInput ? 'standard input' : source;
    const { reason } = QuorateError.from(error).details;
    throw refused(`cannot read ${name} (${reason}): name a file that exists`);
  }
}

function refused(message: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, message);
}
