/**
 * The `quorate` command: reads `process.argv` when it is imported, runs the command and leaves its
 * exit code. A reader that closes the pipe early, as `head` does, ends it quietly.
 */
import { runCommandLine } from './command-line.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // A node or a launcher lives on without its log.
    if (stream === process.stdout) process.exit();
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2));
