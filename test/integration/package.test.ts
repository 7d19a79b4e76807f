/** What is published, as a program sees it that has installed it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/processes.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const installed = join(root, 'node_modules');
const run = promisify(execFile);

const tool = (name: string, args: readonly string[], cwd = root) =>
  run(join(installed, '.bin', name), args, { cwd });

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: { readonly './client': { readonly default: string } };
}

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** All that a module imports, however indirectly: files, and the names of packages. */
function importsOf(entry: string) {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const code = readFileSync(file, 'utf8');
    const pattern =
      /^(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\('([^']+)'\)/gm;
    for (const [, one, two, three] of code.matchAll(pattern)) {
      const specifier = one ?? two ?? three ?? '';
      if (specifier.startsWith('.')) visit(join(dirname(file), specifier));
      else packages.add(specifier);
    }
  };
  visit(entry);
  return { files: [...files], packages: [...packages] };
}

describe('the package', () => {
  const folder = temporaryFolder();
  const project = join(folder.path, 'service');
  const library = join(project, 'node_modules', 'quorate');
  let tarball: string;

  before(async () => {
    const args = ['pack', '--ignore-scripts', '--pack-destination', folder.path];
    const { stdout } = await run('npm', args, { cwd: root });
    tarball = join(folder.path, stdout.trim());
    cpSync(join(root, 'examples', 'session-service'), project, { recursive: true });
    mkdirSync(library, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', library, '--strip-components=1']);
    // What it says it depends on, and nothing else of what is installed here.
    for (const name of [...Object.keys(manifestOf(library).dependencies), '@types/node']) {
      const link = join(project, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(installed, name), link);
    }
  });

  after(() => folder.remove());

  it('passes publint, and its types are found as its code is', async () => {
    await tool('publint', ['--strict', library]);
    await tool('attw', [tarball, '--profile', 'esm-only']);
  });

  it('has nothing of a node behind quorate/client', () => {
    const entry = join(library, manifestOf(library).exports['./client'].default);
    const { files, packages } = importsOf(entry);
    const allowed =
      /^(generated|src\/(base|runtime|record|ring|consistency|config|wire|client|membership\/zookeeper))\//;
    for (const file of files) assert.match(relative(join(library, 'dist'), file), allowed);
    const known = ['@bufbuild/protobuf/wire', '@grpc/grpc-js', 'node-zookeeper-client'];
    assert.deepEqual(packages.filter((name) => !name.startsWith('node:')).sort(), known);
    assert.ok(files.length > 40, 'the walk goes on');
    assert.ok(!files.some((file) => file.endsWith('wire/descriptors.js')));
  });

  it('serves a program that is compiled with all checks, and its test with quorate/testing', async () => {
    await tool('tsc', ['-p', project]);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--test', '--test-reporter=tap', 'dist/service.test.js'];
    const { stdout } = await run(process.execPath, args, { cwd: project, env });
    assert.match(stdout, /^# pass 3$/m);
    assert.match(stdout, /^# fail 0$/m);
  });
});
