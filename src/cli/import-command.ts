import { statSync } from 'node:fs';
import { QuorateError } from '../base/quorate-error.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { Importer } from './backup/importer.ts';
import { defineCommand } from './command.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { withServer } from './flags.ts';
import { readWhole } from './numbers.ts';
import { ProgressLine } from './progress-line.ts';
import { printRows } from './rows.ts';
import { say } from './terminal.ts';
import { withBackupClient } from './with-client.ts';

const lineMax = 999_999_999;

/**
 * `quorate import`: stores what `export` wrote, each record under its own version. `-o json`:
 * `{stored, aheadOfClock, belowFloor, damaged}`, in lines.
 */
export const importCommand = defineCommand({
  command: 'import <file>',
  describe: 'Store what export wrote, every record under its own version',
  builder: (yargs) =>
    withServer(yargs)
      .positional('file', { type: 'string', demandOption: true, describe: 'what export wrote' })
      .option('from-line', {
        default: '1',
        type: 'string',
        requiresArg: true,
        describe: 'leave out the lines before this one, which an earlier import has stored',
        coerce: (text: string) => readWhole(text, '--from-line', 1, lineMax),
      })
      .example('$0 import cluster.ndjson -s 127.0.0.1:9090', 'through this node')
      .epilogue(
        'Newer records stay, so an import may be run again, after an interruption too. A damaged line, a record more than 500 ms ahead of the clock, and one older than the deletes that the cluster has forgotten are named and not stored; then the exit code is 4, or 3 if the clock is the only reason.',
      ),
  run: (args) =>
    withBackupClient(args, async (client) => {
      const total = sizeOf(args.file);
      const clock = new SystemClock();
      const progress = new ProgressLine({ clock, stream: process.stderr }, 'import');
      const importer = new Importer({ clock, client, say }, (lines, bytes) =>
        progress.show(lines, 'lines', bytes / total),
      );
      try {
        await importer.run(args.file, args.fromLine);
      } finally {
        progress.close();
      }
      const { stored, aheadOfClock, belowFloor, damaged } = importer;
      printRows(args.output, {
        json: { stored, aheadOfClock, belowFloor, damaged },
        head: ['stored', 'ahead of the clock', 'below the floor', 'damaged'],
        rows: [[stored, aheadOfClock, belowFloor, damaged]],
      });
      return exitCodeOf(importer);
    }),
});

function exitCodeOf({ damaged, aheadOfClock, belowFloor, problem }: Importer): ExitCode {
  if (problem !== undefined) return problem;
  if (damaged + belowFloor > 0) return exitCodes.refused;
  return aheadOfClock > 0 ? exitCodes.retryable : exitCodes.ok;
}

function sizeOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isFile() === true) return Math.max(status.size, 1);
  const message = `there is no file ${path}: name one that export wrote`;
  throw new QuorateError('CONFIGURATION', { path }, message);
}
