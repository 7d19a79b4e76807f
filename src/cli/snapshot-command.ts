import { resolve } from 'node:path';
import { SystemClock } from '../runtime/system-clock.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { formatCount, ProgressLine } from './progress-line.ts';
import { printRows } from './rows.ts';
import { withBackupClient } from './with-client.ts';

/** `quorate snapshot`: a copy of what one node keeps. `-o json`: `{directory, bytes}`. */
export const snapshotCommand = defineCommand({
  command: 'snapshot <directory>',
  describe: 'Have one node write a copy of its data while it serves',
  builder: (yargs) =>
    withServer(yargs)
      .positional('directory', {
        type: 'string',
        demandOption: true,
        describe: 'a new or empty directory on the machine of the node',
        coerce: (path: string) => resolve(path),
      })
      .example('$0 snapshot /backup/replica0 -s 127.0.0.1:9090', 'the copy of this node')
      .epilogue(
        'Snapshots of all nodes bring back a whole cluster: start every node once on its own with --restore. One node alone must not go back to an old copy: use --rebuild for it.',
      ),
  run: (args) =>
    withBackupClient(args, async (client) => {
      const { directory } = args;
      const components = { clock: new SystemClock(), stream: process.stderr };
      const progress = new ProgressLine(components, 'snapshot');
      let bytes = 0;
      try {
        for await (bytes of client.snapshot(directory)) progress.show(bytes, 'bytes');
      } finally {
        progress.close();
      }
      printRows(args.output, {
        json: { directory, bytes },
        head: ['directory', 'bytes'],
        rows: [[directory, args.output === 'table' ? formatCount(bytes) : bytes]],
      });
      return exitCodes.ok;
    }),
});
