/**
 * Running other programs, for the scripts of this folder: the tools that npm installed, by name,
 * with their output either shown or kept.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a program in the root folder and keeps what it prints.
 *
 * @returns its exit code and its output, `stdout` as bytes; a program that cannot start has code 127.
 */
export function capture(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout = [];
    const stderr = [];
    child.stdout.on('data', (chunk) => stdout.push(chunk));
    child.stderr.on('data', (chunk) => stderr.push(chunk));
    child.on('error', (error) =>
      resolve({ code: 127, stdout: Buffer.alloc(0), stderr: `${error.message}\n` }),
    );
    child.on('close', (code) =>
      resolve({
        code: code ?? 1,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Runs a program that npm installed, such as `tsc`, and keeps what it prints. */
export function captureTool(name, args) {
  return capture(join(root, 'node_modules', '.bin', name), args);
}

/** Says one sentence on stderr and ends the process. */
export function fail(sentence, code = 1) {
  process.stderr.write(`quorate: ${sentence}\n`);
  process.exit(code);
}
