import type { Argv } from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';
import { parsePort } from '../config/replicas-file.ts';
import type { Command } from './command.ts';

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
    .positional('value-bytes', { type: 'string', demandOption: true, coerce: readValueBytes });
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

function readPort(text: string): number {
  const port = parsePort(text);
  if (port !== undefined) return port;
  const message = `"${text}" is not a port: use a number from 1 to 65535`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}

function readValueBytes(text: string): number {
  if (/^\d{1,7}$/.test(text) && Number(text) <= valueBytesMax) return Number(text);
  const message = `"${text}" is not a number of bytes from 0 to ${valueBytesMax}: give one`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}
