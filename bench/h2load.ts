import { spawn } from 'node:child_process';

/** Load from nghttp2's `h2load`, a generator in C that no language of the compared is part of. */
export interface H2loadCall {
  readonly address: string;
  /** The path of the call. */
  readonly path: string;
  /** A file that holds the message in its gRPC frame, the same for every call. */
  readonly bodyFile: string;
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number;
}

/** What it tells. */
export interface H2loadResult {
  readonly callsPerSecond: number;
  /** Calls without a status 200. */
  readonly failed: number;
  /** An answer with a gRPC error has status 200 and no data: this tells. */
  readonly answerBytes: number;
}

/** A message as gRPC frames it: not compressed, its length, the message. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** Runs it. @returns why not, if it is not there or failed. */
export function runH2load(call: H2loadCall): Promise<H2loadResult | string> {
  const args = [
    ...[
      '-c',
      String(call.connections),
      '-m',
      String(call.inFlight),
      '-D',
      `${Math.round(call.seconds * 1_000)}ms`,
    ],
    ...['-d', call.bodyFile, '-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    `http://${call.address}${call.path}`,
  ];
  return new Promise((resolve) => {
    const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      output += text;
    });
    child.once('error', ({ message }) =>
      resolve(message.includes('ENOENT') ? 'h2load is not installed' : message),
    );
    child.once('close', () => resolve(parseH2load(output, call.seconds) ?? 'h2load failed'));
  });
}

/** Reads its report; `undefined` if there is none. */
export function parseH2load(output: string, seconds: number): H2loadResult | undefined {
  const numberAt = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const succeeded = numberAt(/, (\d+) succeeded,/);
  const failed = numberAt(/, (\d+) failed,/) + numberAt(/, (\d+) errored,/);
  const dataBytes = numberAt(/\((\d+)\) data/);
  if (![succeeded, failed, dataBytes].every(Number.isFinite)) return undefined;
  return {
    callsPerSecond: succeeded / seconds,
    failed,
    answerBytes: dataBytes / Math.max(succeeded, 1),
  };
}
