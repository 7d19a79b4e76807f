import type { HintTargetAnswer } from '../client/answers.ts';
import { formatDuration } from '../config/duration.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { printRows } from './rows.ts';
import { withOneNode } from './with-client.ts';

/**
 * `quorate hints`: the missed writes that one node keeps for others. `-o json`: `[{node, count,
 * bytes, oldestAgeMs, dirtyTokens, dropped}]`.
 */
export const hintsCommand = defineCommand({
  command: 'hints',
  describe: 'Show the missed writes that one node keeps for others',
  builder: (yargs) =>
    withServer(yargs)
      .example('$0 hints -s 127.0.0.1:9090', 'what this node will replay, for each other node')
      .epilogue(
        'A token is dirty if a hint for it was dropped: that node misses a write until it is read or compared.',
      ),
  run: (args) =>
    withOneNode(args, async (client) => {
      const targets = await client.listHints();
      const head = ['for', 'hints', 'bytes', 'oldest', 'dropped', 'dirty tokens'];
      printRows(args.output, { json: targets, head, rows: targets.map(rowOf) });
      return exitCodes.ok;
    }),
});

function rowOf(target: HintTargetAnswer): readonly (string | number)[] {
  const { node, count, bytes, oldestAgeMs, dropped, dirtyTokens } = target;
  const oldest = oldestAgeMs === undefined ? '-' : formatDuration(oldestAgeMs);
  return [node, count, bytes, oldest, dropped, dirtyTokens.join(' ') || '-'];
}
