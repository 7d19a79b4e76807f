import type { BackupClient } from '../client/backup-client.ts';
import { NodeClient } from '../client/node-client.ts';
import { formatHostPort } from '../config/replicas-file.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { ExportFile, partialOf } from './backup/export-file.ts';
import { defineCommand } from './command.ts';
import { formatEntryLine } from './entry-line.ts';
import { exitCodes } from './exit-code.ts';
import { withTarget } from './flags.ts';
import { formatCount, ProgressLine } from './progress-line.ts';
import { print, say } from './terminal.ts';
import { withBackupClient } from './with-client.ts';

/**
 * `quorate export`: the newest record of every key of the cluster, one line of JSON each as of
 * `entries -o json`, in key order.
 */
export const exportCommand = defineCommand({
  command: 'export [file]',
  describe: 'Write all keys of the whole cluster as lines of JSON, deletions included',
  builder: (yargs) =>
    withTarget(yargs)
      .positional('file', { type: 'string', describe: 'where to [default: stdout]' })
      .option('resume', {
        default: false,
        type: 'boolean',
        describe: 'go on after the last whole line of an export that was interrupted',
      })
      .example('$0 export cluster.ndjson -s 127.0.0.1:9090', 'through this node')
      .example('$0 export cluster.ndjson --resume', 'after an interruption')
      .epilogue(
        'All that a quorum had acknowledged before the export began is in it. Until it is complete the file is called <file>.partial. It fails, to be resumed, while too few replicas of some keys can be asked.',
      ),
  run: (args) =>
    withBackupClient(args, async (client, address) => {
      const { file, resume } = args;
      if (file === undefined) {
        for await (const entries of client.exportEntries()) {
          for (const entry of entries) print(formatEntryLine(entry));
        }
        return exitCodes.ok;
      }
      const output = await ExportFile.open(file, resume);
      try {
        await exportTo(output, client, await countKeys(address, args.timeout));
        output.finish();
        say(`quorate: ${formatCount(output.lines)} keys exported to ${file}`);
        return exitCodes.ok;
      } catch (error: unknown) {
        const kept = `${partialOf(file)} has ${formatCount(output.lines)} keys`;
        say(`quorate: ${kept}: the same command with --resume goes on there`);
        throw error;
      } finally {
        output.close();
      }
    }),
});

async function exportTo(output: ExportFile, client: BackupClient, total: number): Promise<void> {
  const components = { clock: new SystemClock(), stream: process.stderr };
  const progress = new ProgressLine(components, 'export');
  try {
    for await (const entries of client.exportEntries(output.lastKey)) {
      output.append(entries);
      progress.show(output.lines, 'keys', Math.min(1, output.lines / Math.max(total, 1)));
    }
  } finally {
    progress.close();
  }
}

/** About how many keys there are, by what the nodes say that can be asked. */
async function countKeys(address: string, timeoutMs: number): Promise<number> {
  const ask = async (target: string) => {
    const client = new NodeClient(target, { timeoutMs });
    try {
      return await client.describeCluster();
    } finally {
      client.close();
    }
  };
  const { nodes, replicationFactor } = await ask(address);
  const answers = await Promise.allSettled(nodes.map((node) => ask(formatHostPort(node))));
  const counts = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.entries : []));
  const held = counts.reduce((sum, entries) => sum + entries, 0);
  const copies = Math.min(replicationFactor, nodes.length);
  return (held * nodes.length) / Math.max(counts.length, 1) / copies;
}
