import { QuorateError } from '../../base/quorate-error.ts';
import { openClient } from '../../client/open-client.ts';
import { SystemClock } from '../../runtime/system-clock.ts';
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { nodesOfZookeeperFlag } from '../flags.ts';
import { readTarget } from '../target.ts';
import { print, say } from '../terminal.ts';
import { ConsoleSession } from './console-session.ts';
import { ConsolePrompt, runPipe } from './console-shell.ts';

/** `quorate console`: commands typed to one coordinator, at a prompt or from a pipe. */
export const consoleCommand = defineCommand({
  command: 'console [target] [port]',
  describe: 'Type commands to one coordinator',
  builder: (yargs) =>
    yargs
      .positional('target', {
        type: 'string',
        describe: 'the coordinator, as host:port, or its host alone',
      })
      .positional('port', { type: 'string', describe: 'its port, after a host alone' })
      .option('zookeeper', nodesOfZookeeperFlag)
      .option('keep-going', {
        type: 'boolean',
        default: false,
        describe: 'in a pipe, go on after errors',
      })
      .example('$0 console 127.0.0.1:9090', 'a prompt; type help')
      .example('$0 console --zookeeper 127.0.0.1:2181', 'a node that ZooKeeper knows')
      .example("echo 'get 7' | $0 console 127.0.0.1 9090", 'commands from a pipe')
      .epilogue(
        'In a pipe it stops at the first error and ends with its exit code. An absent key is no error; the exit code is 1 if the last command was a get of one.',
      ),
  run: ({ target, port, zookeeper, keepGoing }) =>
    runConsole(targetOf(target, port, zookeeper), keepGoing),
});

function targetOf(
  host: string | undefined,
  port: string | undefined,
  zookeeper: string | undefined,
): string {
  if (host === undefined) {
    if (zookeeper !== undefined) return zookeeper;
    const message =
      'name the coordinator: write quorate console <host:port>, or quorate console --zookeeper <host:port>';
    throw new QuorateError('CONFIGURATION', {}, message);
  }
  if (port === undefined) return readTarget(host);
  const isIpv6 = host.includes(':') && !host.startsWith('[');
  return readTarget(isIpv6 ? `[${host}]:${port}` : `${host}:${port}`);
}

async function runConsole(target: string, keepsGoing: boolean): Promise<ExitCode> {
  const output = [process.stderr, process.stdout].find((stream) => stream.isTTY);
  const session = new ConsoleSession(
    { connect: (to, onMoved) => openClient(to, { onMoved }), print, say },
    { target, isForPeople: process.stdout.isTTY === true },
  );
  try {
    if (process.stdin.isTTY !== true || output === undefined) {
      return await runPipe(session, keepsGoing);
    }
    const problem = await session.meet();
    if (problem?.code === 'NO_COORDINATOR') say(problem.message);
    say(
      problem === undefined
        ? `connected to ${session.coordinator}; it coordinates all commands. Type help.`
        : `${target} does not answer yet; the console keeps trying. Type help, or exit.`,
    );
    await new ConsolePrompt(new SystemClock(), session, output, problem === undefined).run();
    return exitCodes.ok;
  } catch (error: unknown) {
    throw QuorateError.from(error);
  } finally {
    session.close();
    process.stdin.destroy();
  }
}
