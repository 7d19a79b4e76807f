/**
 * Makes a checkout ready to run: installs the dependencies if they are not what package-lock.json
 * says, and compiles into dist/ if the sources are not those that dist/ was made from.
 *
 * Nodes of a running cluster may be loading modules from dist/ at the same time, so it is never
 * emptied: the compiler writes beside it, and only files that changed are moved in, each at once.
 *
 *   node scripts/prepare.js   prepares and fails if the sources do not compile
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { captureTool, fail, root } from './process.js';

const sourceFolders = ['src', 'generated', 'test', 'bench'];
const dist = join(root, 'dist');
const stampPath = join(dist, '.stamp');
const lockPath = join(dist, '.lock');

/**
 * Installs and compiles what is not current.
 *
 * @returns whether the sources compile. If not, the reasons were printed, and dist/ holds what the
 *   compiler could make of them.
 */
export async function prepare() {
  await prepareDependencies();
  if (distIsCurrent()) return true;
  return withLock(() => distIsCurrent() || compile());
}

/** Installs the dependencies if they are not what package-lock.json says. */
export async function prepareDependencies() {
  if (dependenciesAreCurrent()) return;
  await withLock(() => dependenciesAreCurrent() || installDependencies());
}

/** Whether npm installed every package of package-lock.json that is not optional, in its version. */
function dependenciesAreCurrent() {
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return false;
  const installed = readJson(installedPath).packages;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' ||
      (installed[path] === undefined ? optional : installed[path].version === version),
  );
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function installDependencies() {
  process.stderr.write('Installing dependencies with npm ci, once...\n');
  // npm tells its scripts where it is; started by hand, it is on the path.
  const npm = process.env.npm_execpath;
  const { status } = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, 'ci'], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', ['ci'], { cwd: root, stdio: ['ignore', 2, 2], shell: true });
  if (status !== 0) fail('npm ci failed: without its dependencies Quorate cannot be built.');
}

function distIsCurrent() {
  return existsSync(stampPath) && readFileSync(stampPath, 'utf8') === sourceHash();
}

/** One hash of all that the compiler's output depends on. */
function sourceHash() {
  const paths = sourceFolders.flatMap((folder) => listFiles(join(root, folder)));
  const hash = createHash('sha256');
  for (const path of [
    ...paths.sort(),
    join(root, 'tsconfig.json'),
    join(root, 'package-lock.json'),
  ]) {
    const text = readFileSync(path);
    hash.update(`${relative(root, path)} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function compile() {
  const hash = sourceHash();
  process.stderr.write('Compiling into dist/...\n');
  const scratch = join(dist, '.new');
  rmSync(scratch, { recursive: true, force: true });
  const { code, stdout, stderr } = await captureTool('tsc', ['--outDir', scratch]);
  process.stderr.write(stdout.toString() + stderr);
  if (existsSync(scratch)) moveInto(dist, scratch);
  // Without a stamp the next run compiles again, and shows the errors again.
  if (code === 0) writeFileSync(stampPath, hash);
  else rmSync(stampPath, { force: true });
  return code === 0;
}

/** Replaces what differs, deletes what has no source any more. */
function moveInto(target, scratch) {
  const made = new Set();
  for (const from of listFiles(scratch)) {
    const path = relative(scratch, from);
    const to = join(target, path);
    made.add(to);
    // The compiler wrote the map one folder deeper than it will be read.
    if (path.endsWith('.map')) {
      writeFileSync(from, readFileSync(from, 'utf8').replaceAll('"../../', '"../'));
    }
    if (existsSync(to) && readFileSync(to).equals(readFileSync(from))) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
  for (const folder of sourceFolders) {
    for (const path of listFiles(join(target, folder))) if (!made.has(path)) rmSync(path);
  }
  rmSync(scratch, { recursive: true, force: true });
}

/** Runs one at a time across processes; the lock of a process that ended is taken over. */
async function withLock(action) {
  mkdirSync(dist, { recursive: true });
  while (!tryLock()) await sleep(100);
  try {
    return await action();
  } finally {
    rmSync(lockPath, { force: true });
  }
}

function tryLock() {
  try {
    writeFileSync(lockPath, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!lockHolderRuns()) rmSync(lockPath, { force: true });
    return false;
  }
}

function lockHolderRuns() {
  try {
    process.kill(Number(readFileSync(lockPath, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] === import.meta.filename && !(await prepare())) {
  fail('the sources do not compile, see above.');
}
