import { parseKey } from '../config/key-spelling.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withKey } from './flags.ts';
import { printWrite } from './key-value-output.ts';
import { withClient } from './with-client.ts';

/** `quorate delete`: deletes one key. */
export const deleteCommand = defineCommand({
  command: 'delete <key>',
  describe: 'Delete a key; one that is absent is fine',
  builder: (yargs) =>
    withKey(yargs)
      .example('$0 delete 7', 'the number key 7, at QUORUM')
      .example('$0 delete text:7', 'the text key "7"'),
  run: (args) =>
    withClient(args, async (client) => {
      const { consistency, explain } = args;
      const answer = await client.delete(parseKey(args.key), { consistency, explain });
      printWrite('delete', args.key, answer, args.output);
      return exitCodes.ok;
    }),
});
