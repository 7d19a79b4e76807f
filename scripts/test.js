/**
 * `npm test`: prepares the checkout, runs the checks, then all tests with node:test, two files at a
 * time; those in test/integration/, which start whole clusters, come last. One report and one
 * summary cover all.
 *
 *   node scripts/test.js                    the checks and all tests
 *   node scripts/test.js unit [text...]     the tests outside test/integration/
 *   node scripts/test.js integration        those inside
 *   node scripts/test.js long               those inside and in test/simulation/, at length:
 *                                           QUORATE_TEST_LONG=1
 *
 * With texts, only test files whose path contains one of them run.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { check } from './check.js';
import { prepare } from './prepare.js';
import { fail, root } from './process.js';

const testFolder = join(root, 'dist', 'test');
const minuteMs = 60_000;
const totalPattern = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** In this order; files of other folders come after these, whole clusters last. */
const folderOrder = ['unit', 'property', 'conformance', 'scenarios', 'simulation'];

const [scope = 'all', ...texts] = process.argv.slice(2);
if (!['all', 'unit', 'integration', 'long'].includes(scope)) {
  fail(`there are no tests "${scope}": say unit, integration or long, or nothing for all.`, 2);
}

const compiles = await prepare();
const checksPass = scope === 'all' ? await check() : compiles;
// A failing check fails the run, but what the tests say about the same sources is worth reading.
if (!checksPass) process.exitCode = 1;

// Inherited by the processes of the test files.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`.trim();
if (scope === 'long') process.env.QUORATE_TEST_LONG = '1';

// Ends the processes of the test files too; the summary still comes.
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => stopping.abort());

const files = findTests();
const isIntegration = (file) => file.startsWith(join(testFolder, 'integration'));
const longMs = scope === 'long' ? 60 * minuteMs : 0;
const phases = [
  {
    files: files.filter((file) => !isIntegration(file)),
    concurrency: 2,
    timeout: Math.max(longMs, 3 * minuteMs),
  },
  {
    files: files.filter(isIntegration),
    // The long forms measure, so nothing runs beside them.
    concurrency: scope === 'long' ? 1 : 2,
    timeout: Math.max(longMs, 5 * minuteMs),
  },
].filter((phase) => phase.files.length > 0);
if (phases.length === 0) fail('no test files match.');
Readable.from(runPhases()).compose(spec).pipe(process.stdout);

function findTests() {
  if (!existsSync(testFolder)) return [];
  return readdirSync(testFolder, { recursive: true })
    .filter((path) => path.endsWith('.test.js'))
    .filter(isInScope)
    .filter((path) => texts.length === 0 || texts.some((text) => path.includes(text)))
    .sort((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1))
    .map((path) => join(testFolder, path));
}

function isInScope(path) {
  const isIntegration = path.startsWith('integration');
  if (scope === 'unit') return !isIntegration;
  return scope === 'all' || isIntegration || (scope === 'long' && path.startsWith('simulation'));
}

function rank(path) {
  const index = folderOrder.findIndex((folder) => path.startsWith(folder));
  return index === -1 ? folderOrder.length : index;
}

async function* runInTurn() {
  const { signal } = stopping;
  for (const phase of phases) if (!signal.aborted) yield* run({ ...phase, signal });
}

/** Runs the phases in turn as one stream of events, with their totals added up at the end. */
async function* runPhases() {
  const totals = new Map();
  let summary;
  for await (const event of runInTurn()) {
    if (event.type === 'test:fail' && !event.data.todo) process.exitCode = 1;
    if (addTotal(totals, event)) continue;
    if (isSummaryOfPhase(event)) summary = event;
    else yield event;
  }
  for (const [name, count] of totals) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${count}` } };
  }
  // Node 20 has no such event; later reporters list the failed tests again when it comes.
  if (summary !== undefined) yield summary;
}

/** Adds an event such as "pass 12" to the totals, if it is one. */
function addTotal(totals, { type, data }) {
  if (type !== 'test:diagnostic' || data.nesting !== 0) return false;
  const [, name, count] = totalPattern.exec(data.message) ?? [];
  if (name === undefined) return false;
  totals.set(name, (totals.get(name) ?? 0) + Number(count));
  return true;
}

function isSummaryOfPhase({ type, data }) {
  return type === 'test:summary' && data.file === undefined;
}
