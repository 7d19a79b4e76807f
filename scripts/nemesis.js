/**
 * `npm run nemesis`: prepares the checkout, then runs real nodes through real faults. Its options:
 *
 *   node scripts/nemesis.js --help
 */
import { prepare } from './prepare.js';
import { fail } from './process.js';

if (!(await prepare())) fail('not started: the sources do not compile, see above.');
await import('../dist/test/nemesis/main.js');
