import type { Argv } from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';
import type { HintTargetAnswer } from '../client/answers.ts';
import { formatDuration } from '../config/duration.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { printRows } from './rows.ts';
import { say } from './terminal.ts';
import { withOneNode } from './with-client.ts';

/**
 * `quorate hints`: the missed writes that one node keeps for others, and `quorate hints drop` to
 * give those for one of them up. `-o json`: `[{node, count, bytes, oldestAgeMs, dirtyTokens,
 * dropped}]`.
 */
export const hintsCommand = defineCommand({
  command: 'hints [action] [node]',
  describe: 'Show the missed writes that one node keeps for others, or drop them',
  builder: (yargs) =>
    withAction(withServer(yargs))
      .example('$0 hints -s 127.0.0.1:9090', 'what this node will replay, for each other node')
      .example(
        '$0 hints drop replica1',
        'give up what is kept for replica1, whose tokens get dirty',
      )
      .epilogue(
        'A token is dirty for a node that may miss a write of it with no hint kept: it copies the token from all other replicas as soon as they can be reached.',
      ),
  run: (args) =>
    withOneNode(args, async (client) => {
      if (args.action !== undefined) {
        const dropped = await client.dropHints(readNode(args.node));
        say(`${dropped} hints dropped; their tokens are dirty until they have been copied`);
      }
      const targets = await client.listHints();
      const head = ['for', 'hints', 'bytes', 'oldest', 'dropped', 'dirty tokens'];
      printRows(args.output, { json: targets, head, rows: targets.map(rowOf) });
      return exitCodes.ok;
    }),
});

function withAction<Args>(yargs: Argv<Args>) {
  return yargs
    .positional('action', {
      type: 'string',
      choices: ['drop'] as const,
      describe: 'what to do: nothing but show them, or drop',
    })
    .positional('node', { type: 'string', describe: 'the node that missed the writes' });
}

function readNode(node: string | undefined): string {
  if (node !== undefined) return node;
  const message = 'hints drop needs the node whose hints shall go: quorate hints drop replica1';
  throw new QuorateError('CONFIGURATION', {}, message);
}

function rowOf(target: HintTargetAnswer): readonly (string | number)[] {
  const { node, count, bytes, oldestAgeMs, dropped, dirtyTokens } = target;
  const oldest = oldestAgeMs === undefined ? '-' : formatDuration(oldestAgeMs);
  return [node, count, bytes, oldest, dropped, formatTokens(dirtyTokens)];
}

/** How many tokens, and which, in ranges. */
export function formatTokens(tokens: readonly number[]): string {
  const ranges: { readonly first: number; last: number }[] = [];
  for (const token of tokens) {
    const range = ranges.at(-1);
    if (range?.last === token - 1) range.last = token;
    else ranges.push({ first: token, last: token });
  }
  if (ranges.length === 0) return '-';
  const shown = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  return `${tokens.length} (${shown.join(' ')})`;
}
