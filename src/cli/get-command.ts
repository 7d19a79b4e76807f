import { parseKey } from '../config/key-spelling.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withKey } from './flags.ts';
import { printGet } from './key-value-output.ts';
import { withClient } from './with-client.ts';

/** `quorate get`: reads one key. */
export const getCommand = defineCommand({
  command: 'get <key>',
  describe: 'Read a key',
  builder: (yargs) =>
    withKey(yargs)
      .example('$0 get 7', 'the number key 7, at QUORUM')
      .example('$0 get user:42 -c ONE --explain', 'a text key, and which replicas said what')
      .example('$0 get photo -o raw > photo.jpg', 'the bytes of the value and nothing else'),
  run: (args) =>
    withClient(args, async (client) => {
      const { consistency, explain } = args;
      const answer = await client.get(parseKey(args.key), { consistency, explain });
      printGet(args.key, answer, args.output);
      return answer.value === undefined ? exitCodes.absent : exitCodes.ok;
    }),
});
