import { SystemClock } from '../runtime/system-clock.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { printRows } from './rows.ts';
import { withClient } from './with-client.ts';

/**
 * `quorate ping`: whether a node takes requests. `-o json`: `{node, status, milliseconds}`.
 */
export const pingCommand = defineCommand({
  command: 'ping',
  describe: 'Ask a node whether it is ready, and how long it takes to answer',
  builder: (yargs) =>
    withServer(yargs)
      .example('$0 ping -s 127.0.0.1:9090', 'exit code 0 if it is ready, 3 if it is not')
      .example('until $0 ping --timeout 500ms; do sleep 1; done', 'wait for a node'),
  run: (args) =>
    withClient(args, async (client) => {
      const clock = new SystemClock();
      // The first call also makes the connection; the second one is what a call costs.
      await client.describeCluster();
      const startMs = clock.monotonicMs();
      const { node, status } = await client.describeCluster();
      const milliseconds = Number((clock.monotonicMs() - startMs).toFixed(2));
      printRows(args.output, {
        json: { node, status, milliseconds },
        head: ['node', 'status', 'answered after'],
        rows: [[node, status, `${milliseconds} ms`]],
      });
      return status === 'ready' ? exitCodes.ok : exitCodes.retryable;
    }),
});
