import { parseKey } from '../config/key-spelling.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withKeyOf } from './flags.ts';
import { printRows } from './rows.ts';
import { withClient } from './with-client.ts';

/**
 * `quorate locate`: where a key lives. `-o json`: `{key, token, ringEpoch, preferenceList}`.
 */
export const locateCommand = defineCommand({
  command: 'locate <key>',
  describe: 'Show the token of a key and the nodes that hold it',
  builder: (yargs) =>
    withKeyOf(yargs)
      .example('$0 locate 7', 'the number key 7 on a byte-ordered ring has token 7')
      .example('$0 locate user:42 -o raw', 'the nodes only, one a line, the owner first'),
  run: (args) =>
    withClient(args, async (client) => {
      const { token, preferenceList, ringEpoch } = await client.locate(parseKey(args.key));
      printRows(args.output, {
        json: { key: args.key, token, ringEpoch, preferenceList },
        raw: preferenceList,
        head: ['token', 'replicas', 'ring epoch'],
        rows: [[token, preferenceList.join(', '), ringEpoch]],
      });
      return exitCodes.ok;
    }),
});
