import { QuorateError } from '../../base/quorate-error.ts';
import { QuorateClient } from '../../client/quorate-client.ts';
import { parseHostPort } from '../../config/host-port.ts';
import { SystemClock } from '../../runtime/system-clock.ts';
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { print, say } from '../terminal.ts';
import { ConsoleSession } from './console-session.ts';
import { ConsolePrompt, runPipe } from './console-shell.ts';

/** `quorate console`: commands typed to one coordinator, at a prompt or from a pipe. */
export const consoleCommand = defineCommand({
  command: 'console <host> [port]',
  describe: 'Type commands to one coordinator',
  builder: (yargs) =>
    yargs
      .positional('host', {
        type: 'string',
        demandOption: true,
        describe: 'the coordinator, as host:port, or its host alone',
      })
      .positional('port', { type: 'string', describe: 'its port, after a host alone' })
      .option('keep-going', {
        type: 'boolean',
        default: false,
        describe: 'in a pipe, go on after errors',
      })
      .example('$0 console 127.0.0.1:9090', 'a prompt; type help')
      .example("echo 'get 7' | $0 console 127.0.0.1 9090", 'commands from a pipe')
      .epilogue(
        'In a pipe it stops at the first error and ends with its exit code. An absent key is no error; the exit code is 1 if the last command was a get of one.',
      ),
  run: ({ host, port, keepGoing }) => runConsole(targetOf(host, port), keepGoing),
});

function targetOf(host: string, port: string | undefined): string {
  if (port === undefined) return parseHostPort(host);
  const isIpv6 = host.includes(':') && !host.startsWith('[');
  return parseHostPort(isIpv6 ? `[${host}]:${port}` : `${host}:${port}`);
}

async function runConsole(target: string, keepsGoing: boolean): Promise<ExitCode> {
  const output = [process.stderr, process.stdout].find((stream) => stream.isTTY);
  const session = new ConsoleSession(
    { connect: (to) => new QuorateClient(to), print, say },
    { target, isForPeople: process.stdout.isTTY === true },
  );
  try {
    if (process.stdin.isTTY !== true || output === undefined) {
      return await runPipe(session, keepsGoing);
    }
    const isConnected = await session.meet();
    say(
      isConnected
        ? `connected to ${session.coordinator}; it coordinates all commands. Type help.`
        : `${target} does not answer yet; the console keeps trying. Type help, or exit.`,
    );
    await new ConsolePrompt(new SystemClock(), session, output, isConnected).run();
    return exitCodes.ok;
  } catch (error: unknown) {
    throw QuorateError.from(error);
  } finally {
    session.close();
    process.stdin.destroy();
  }
}
