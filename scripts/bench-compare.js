/**
 * `npm run bench:compare`: prepares the checkout, then measures Quorate beside others. Its options:
 *
 *   node scripts/bench-compare.js --help
 */
import { prepare } from './prepare.js';
import { fail } from './process.js';

if (!(await prepare())) fail('not started: the sources do not compile, see above.');
await import('../dist/bench/main.js');
