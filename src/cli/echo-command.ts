import type { Argv } from 'yargs';
import type { Command } from './command.ts';
import { readPort, readWhole } from './numbers.ts';

/**
 * `quorate echo`: what `quorate bench` compares with, in a process of its own. It is not listed in
 * the help, and runs until a signal stops it or the process that started it is gone.
 */
export const echoCommand: Command = {
  addTo: (yargs) =>
    yargs.command('echo <port> <value-bytes>', false, withEchoArguments, ({ port, valueBytes }) =>
      runEcho(port, valueBytes),
    ),
};

const valueBytesMax = 1024 * 1024;

function withEchoArguments(yargs: Argv) {
  return yargs
    .positional('port', { type: 'string', demandOption: true, coerce: readPort })
    .positional('value-bytes', {
      type: 'string',
      demandOption: true,
      coerce: (text: string) => readWhole(text, 'value-bytes', 0, valueBytesMax),
    });
}

async function runEcho(port: number, valueBytes: number): Promise<void> {
  process.title = 'quorate echo';
  const { startEchoNode } = await import('../node/echo-node.ts');
  const echo = await startEchoNode(port, valueBytes);
  const toldToStop = new Promise<void>((resolve) => {
    for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.on(event, () => resolve());
  });
  process.send?.({ event: 'ready' });
  await toldToStop;
  echo.stop();
  if (process.connected) process.disconnect();
}
