import type { EntryAnswer } from '../client/answers.ts';
import { formatKey } from '../config/key-spelling.ts';
import { formatTime } from '../runtime/format-time.ts';
import { defineCommand } from './command.ts';
import { formatEntryLine } from './entry-line.ts';
import { exitCodes } from './exit-code.ts';
import { type OutputForm, timeoutFlag, withServer } from './flags.ts';
import { textOf } from './key-value-output.ts';
import { readWhole } from './numbers.ts';
import { shorten, visible } from './shown-text.ts';
import { print } from './terminal.ts';
import { withOneNode } from './with-client.ts';

const limitMax = 999_999_999;

/**
 * `quorate entries`: what one node itself holds, while it arrives. `-o json` is one document a
 * line: `{key, token, tombstone, kind, value, version, writeTime, expireTime}`, kind, value and
 * expireTime as in `get`, also if that has come; `-o raw` is key, version and value with tabs between them. A table cuts long values.
 */
export const entriesCommand = defineCommand({
  command: 'entries',
  describe: 'List what one node itself holds, deletions included',
  builder: (yargs) =>
    withServer(yargs)
      .option('timeout', { ...timeoutFlag, default: '30s' })
      .option('limit', {
        type: 'string',
        requiresArg: true,
        describe: 'how many at most [default: all]',
        coerce: (text: string | undefined) =>
          text === undefined ? 0 : readWhole(text, '--limit', 1, limitMax),
      })
      .example('$0 entries -s 127.0.0.1:9092', 'the copy of this node')
      .example('$0 entries -o json --limit 100', 'one JSON document a line'),
  run: (args) =>
    withOneNode(args, async (client) => {
      const entries = client.listEntries({ limit: args.limit ?? 0, timeoutMs: args.timeout });
      if (args.output === 'table') print(columns('key', 'token', 'version', 'expires', 'value'));
      for await (const entry of entries) print(lineOf(entry, args.output));
      return exitCodes.ok;
    }),
});

function lineOf(entry: EntryAnswer, form: OutputForm): string {
  const { value, version, token, expireTimeMs } = entry;
  const key = formatKey(entry.key);
  switch (form) {
    case 'json':
      return formatEntryLine(entry);
    case 'raw':
      return [key, version, value === undefined ? '' : visible(textOf(value))].join('\t');
    case 'table':
      return columns(
        key,
        token,
        version,
        expireTimeMs === undefined ? '-' : formatTime(expireTimeMs),
        value === undefined ? '(deleted)' : shorten(visible(textOf(value))),
      );
  }
}

/** Entries are printed one by one, so the columns cannot wait for the longest. */
function columns(
  key: string,
  token: string | number,
  version: string,
  expires: string,
  value: string,
): string {
  const place = `${key.padEnd(20)}  ${String(token).padEnd(5)}  ${version.padEnd(28)}`;
  return `${place}  ${expires.padEnd(24)}  ${value}`;
}
