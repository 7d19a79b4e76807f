/**
 * `npm run check`: all that is checked without running anything. One line per check, the output of
 * those that failed, and a failure at the end if there was one.
 */
import { prepareDependencies } from './prepare.js';
import { capture, captureTool } from './process.js';

const atOnce = 2;

const checks = [
  { name: 'types', run: () => captureTool('tsc', ['--noEmit']) },
  { name: 'lint and format', run: () => captureTool('biome', ['ci', '--colors=off']) },
  {
    name: 'generated is current',
    run: () => capture(process.execPath, ['scripts/generate.js', '--check']),
  },
  { name: 'unused code', run: () => captureTool('knip', ['--no-progress']) },
  { name: 'proto lint', run: () => captureTool('buf', ['lint']) },
  { name: 'proto format', run: () => captureTool('buf', ['format', '--diff', '--exit-code']) },
  {
    name: 'proto breaking',
    run: () => captureTool('buf', ['breaking', '--against', 'proto/baseline.binpb']),
  },
];

/**
 * Runs all checks, also after one failed, and reports on stdout.
 *
 * @returns whether all passed.
 */
export async function check() {
  const waiting = [...checks];
  const failed = [];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!(await report(next))) failed.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failed.length > 0) console.log(`failed checks: ${failed.join(', ')}`);
  return failed.length === 0;
}

async function report({ name, run }) {
  const startMs = performance.now();
  const { code, stdout, stderr } = await run();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name.padEnd(20)}  ${seconds.padStart(5)} s`);
  if (code !== 0) console.log(`${stdout}${stderr}`.trim().replace(/^/gm, '  | '));
  return code === 0;
}

if (process.argv[1] === import.meta.filename) {
  await prepareDependencies();
  process.exitCode = (await check()) ? 0 : 1;
}
