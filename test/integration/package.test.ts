/** What is published, as a program sees it that has installed it. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  freePorts,
  type ProcessCluster,
  startCluster,
  temporaryFolder,
  until,
} from '../support/processes.ts';

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
  let cluster: ProcessCluster;

  before(async () => {
    const packed = run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder.path], {
      cwd: root,
    });
    [cluster, tarball] = await Promise.all([
      startCluster(),
      packed.then(({ stdout }) => join(folder.path, stdout.trim())),
    ]);
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

  after(async () => {
    await cluster.stop();
    folder.remove();
  });

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

  it('serves a program that is compiled with all checks, over real nodes', async () => {
    await tool('tsc', ['-p', project]);
    assert.ok(existsSync(join(project, 'dist', 'service.js')));
    const [port = 0] = await freePorts(1);
    const url = `quorate://${cluster.address('replica1')}`;
    const service = spawn(process.execPath, ['dist/service.js'], {
      cwd: project,
      env: { ...process.env, QUORATE_URL: url, PORT: String(port) },
    });
    const exited = new Promise((resolve) => service.once('exit', resolve));
    let output = '';
    for (const stream of [service.stdout, service.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    try {
      await until('the service listens', () => output.includes('listening'));
      const sessions = `http://127.0.0.1:${port}/sessions`;
      const begin = (body: string) => fetch(sessions, { method: 'POST', body });
      const begun = await begin('{"user": "ada"}');
      assert.equal(begun.status, 201);
      const { id } = (await begun.json()) as { id: string };
      const found = await fetch(`${sessions}/${id}`);
      assert.deepEqual(await found.json(), { user: 'ada' });
      assert.equal((await fetch(`${sessions}/${id}`, { method: 'DELETE' })).status, 204);
      assert.equal((await fetch(`${sessions}/${id}`)).status, 404);
      assert.equal((await begin('{"name": 7}')).status, 400);
      service.kill('SIGTERM');
      assert.equal(await exited, 0, output);
    } finally {
      service.kill('SIGKILL');
    }
  });
});
