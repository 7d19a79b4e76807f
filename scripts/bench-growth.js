/**
 * `npm run bench:growth`: prepares the checkout, then measures clusters of other sizes. Its options:
 *
 *   node scripts/bench-growth.js --help
 */
import { prepare } from './prepare.js';
import { fail } from './process.js';

if (!(await prepare())) fail('not started: the sources do not compile, see above.');
await import('../dist/bench/growth-main.js');
