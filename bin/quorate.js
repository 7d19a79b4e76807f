#!/usr/bin/env node
/** The `quorate` command: starts the compiled command line, which reads `process.argv`. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('quorate: not built yet; run `npm run build` first.\n');
  process.exitCode = 2;
}
