import { ringLayout, ringOf } from '../client/ring-layout.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { printRows } from './rows.ts';
import { withClient } from './with-client.ts';

/**
 * `quorate ring`: who owns which tokens. `-o json`: `{ringEpoch, partitioner, replicationFactor,
 * ranges: [{first, last, owner, preferenceList}]}`.
 */
export const ringCommand = defineCommand({
  command: 'ring',
  describe: 'Show the token ranges, their owners and the nodes that hold them',
  builder: (yargs) => withServer(yargs).example('$0 ring', 'the ring of 127.0.0.1:9090'),
  run: (args) =>
    withClient(args, async (client) => {
      const cluster = await client.describeCluster();
      const { ringEpoch, partitioner, replicationFactor } = cluster;
      const ranges = ringLayout(ringOf(cluster));
      printRows(args.output, {
        json: { ringEpoch, partitioner, replicationFactor, ranges },
        head: ['tokens', 'owner', 'replicas'],
        rows: ranges.map(({ first, last, owner, preferenceList }) => [
          `${first}-${last}`,
          owner,
          preferenceList.join(', '),
        ]),
      });
      return exitCodes.ok;
    }),
});
