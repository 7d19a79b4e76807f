/**
 * The rules of style that a compiler and a linter do not know, each as a failing test that says
 * what to do instead. A rule is a pure function from files to findings, and is tried on a planted
 * bad file as well: a rule that cannot fail is a defect.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const lowest = [
  'base',
  'runtime',
  'record',
  'ring',
  'consistency',
  'config',
  'storage',
  'data-directory',
];
const belowWire = [...lowest, 'membership', 'replica', 'coordinator', 'hints', 'transfer', 'links'];

/** What each folder of src/ may import: other folders, or one file as folder/name. */
const mayImport: Record<string, readonly string[]> = {
  base: [],
  runtime: ['base'],
  record: ['base'],
  ring: ['base'],
  consistency: ['base'],
  config: ['base', 'ring', 'consistency'],
  storage: ['base', 'runtime', 'record', 'ring'],
  'data-directory': ['base', 'runtime', 'ring', 'storage'],
  membership: ['base', 'runtime', 'ring'],
  replica: ['base', 'runtime', 'record', 'ring', 'storage'],
  coordinator: ['base', 'runtime', 'record', 'ring', 'consistency', 'membership'],
  hints: ['base', 'runtime', 'record', 'ring', 'storage', 'membership', 'coordinator/ports'],
  transfer: ['base', 'runtime', 'record', 'ring', 'consistency', 'storage', 'coordinator/ports'],
  links: ['base', 'runtime', 'record', 'ring', 'consistency', 'membership'],
  wire: ['base', 'record', 'consistency', 'ring', 'links', 'generated'],
  rpc: [...belowWire, 'wire', 'generated'],
  node: [...belowWire, 'wire', 'rpc'],
  client: [
    ...['base', 'runtime', 'consistency', 'record', 'ring', 'config', 'wire', 'generated'],
    // Where a cluster's nodes are is read by who wrote it.
    'membership/zookeeper',
  ],
  testing: ['base', 'runtime', 'ring', 'consistency', 'storage', 'wire', 'client', 'node'],
  cli: ['base', 'runtime', 'config', 'data-directory', 'client', 'node'],
};

/** Where each package from npm is wrapped: paths in src/ that begin like this, and no others. */
const packageHomes: Record<string, readonly string[]> = {
  '@bufbuild/protobuf': ['wire/'],
  '@grpc/grpc-js': ['rpc/', 'client/'],
  '@grpc/proto-loader': ['rpc/', 'client/'],
  '@grpc/reflection': ['rpc/'],
  'grpc-health-check': ['rpc/'],
  '@node-rs/crc32': ['storage/'],
  lmdb: ['storage/', 'data-directory/probe-main'],
  'sorted-btree': ['storage/'],
  'node-zookeeper-client': ['membership/zookeeper'],
  pino: ['runtime/'],
  yargs: ['cli/'],
  'cli-table3': ['cli/'],
};

/** Paths in src/ that decide and do not act: no promises, nothing of Node. */
const purePath = /^(record|ring|consistency)\/|^coordinator\/(.*-core|replica-plan)\.ts$/;

/** What only runtime/ may touch, with what the others use. */
const ambient: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bset(Timeout|Interval|Immediate)\b/, instead: 'Clock.schedule' },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/, instead: 'Clock.schedule' },
  { pattern: /\bDate\s*\.\s*now\b|\bnew Date\(\s*\)/, instead: 'Clock.realtimeMs' },
  { pattern: /\bperformance\s*\.|\bhrtime\b/, instead: 'Clock.monotonicMs' },
  { pattern: /\bMath\s*\.\s*random\b/, instead: 'Random.fraction' },
  { pattern: /\b(randomBytes|randomUUID|randomInt|getRandomValues)\b/, instead: 'Random.uint64' },
];

const sourceLinesMax = 500;
const vagueFolders = ['utils', 'common', 'helpers', 'services', 'managers'];

/** A text file: its path from the folder that a rule speaks of, with forward slashes. */
interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One sentence for each breach, beginning with file:line. */
type Findings = readonly string[];

interface Import {
  readonly line: number;
  readonly specifier: string;
}

/** Blanks comments, and with `strings` also what is between quotes, keeping every line in place. */
function blank(text: string, strings: boolean): string {
  const tokens =
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (token) =>
    strings || token.startsWith('/') ? token.replace(/[^\n]/g, ' ') : token,
  );
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Findings for each line that a pattern matches. */
function findLines(
  file: SourceFile,
  text: string,
  pattern: RegExp,
  sentence: (matched: string) => string,
): Findings {
  return text.split('\n').flatMap((line, index) => {
    const matched = pattern.exec(line)?.[0];
    return matched === undefined ? [] : [`${file.path}:${index + 1} ${sentence(matched)}`];
  });
}

function importsOf(text: string): readonly Import[] {
  const code = blank(text, false);
  const quoted = `['"]([^'"\\n]+)['"]`;
  const pattern = new RegExp(
    `^(?:import|export)\\b[^'"\`;]*?\\bfrom\\s*${quoted}|^import\\s*${quoted}|\\bimport\\(\\s*${quoted}`,
    'gm',
  );
  return [...code.matchAll(pattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    return { specifier, line: lineAt(code, match.index + match[0].lastIndexOf(specifier)) };
  });
}

/** The path in src/ that a relative import means; `generated/...` for generated code. */
function resolveImport(path: string, specifier: string): string {
  const resolved = join('src', dirname(path), specifier).split(sep).join('/');
  return resolved.startsWith('src/') ? resolved.slice('src/'.length) : resolved;
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function layers(files: readonly SourceFile[]): Findings {
  return files.flatMap((file) => {
    const folder = folderOf(file.path);
    const allowed = mayImport[folder];
    if (allowed === undefined) {
      return [`${file.path}:1 src/${folder} is not in the table of layers: add it there`];
    }
    return importsOf(file.text)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, line }) => ({ line, target: resolveImport(file.path, specifier) }))
      .filter(({ target }) => {
        const isAllowed = [folder, ...allowed].some(
          (entry) => target.startsWith(`${entry}/`) || target === `${entry}.ts`,
        );
        return !isAllowed;
      })
      .map(
        ({ target, line }) =>
          `${file.path}:${line} ${folder} may not import ${target}, only ${allowed.join(', ') || 'itself'}: declare an interface beside its consumer`,
      );
  });
}

function packages(files: readonly SourceFile[]): Findings {
  return files.flatMap((file) =>
    importsOf(file.text)
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
      .flatMap(({ specifier, line }) => {
        const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
        const homes = packageHomes[name];
        if (homes === undefined) {
          return [
            `${file.path}:${line} ${name} is not in the table of packages: wrap it in one place`,
          ];
        }
        if (homes.some((home) => file.path.startsWith(home))) return [];
        return [
          `${file.path}:${line} ${name} belongs to ${homes.join(', ')}: use its wrapper there`,
        ];
      }),
  );
}

function purity(files: readonly SourceFile[]): Findings {
  return files
    .filter(({ path }) => purePath.test(path))
    .flatMap((file) => [
      ...findLines(
        file,
        blank(file.text, true),
        /\b(async|await)\b/,
        (word) => `"${word}" in a pure file: decide here, act in a shell that calls this`,
      ),
      ...importsOf(file.text)
        .filter(({ specifier }) => specifier.startsWith('node:'))
        .map(
          ({ specifier, line }) =>
            `${file.path}:${line} ${specifier} in a pure file: hand in what it gives`,
        ),
    ]);
}

function cycles(files: readonly SourceFile[]): Findings {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file.text)
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => resolveImport(file.path, specifier)),
    ]),
  );
  const findings: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      const cycle = [...trail.slice(start), path].join(' -> ');
      findings.push(`${path}:1 is in a cycle of imports, move what they share down: ${cycle}`);
      return;
    }
    if (finished.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return findings;
}

function size(files: readonly SourceFile[]): Findings {
  return files
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > sourceLinesMax)
    .map(
      ({ path, lines }) =>
        `${path}:${sourceLinesMax + 1} has ${lines} lines, at most ${sourceLinesMax}: split it by concept`,
    );
}

function names(files: readonly SourceFile[]): Findings {
  return files.flatMap(({ path }) => {
    const findings: string[] = [];
    const parts = path.split('/');
    const vague = parts.find((part) => vagueFolders.includes(part));
    if (vague !== undefined) findings.push(`${path}:1 "${vague}" says nothing: name the concept`);
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?(\.[a-z]+)?$/;
    const other = parts.find((part) => !kebab.test(part));
    if (other !== undefined) findings.push(`${path}:1 "${other}" is not kebab-case: rename it`);
    return findings;
  });
}

function unfinished(files: readonly SourceFile[]): Findings {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
  return files.flatMap((file) =>
    findLines(file, file.text, marks, (mark) => `${mark}: do it, or open an issue and delete this`),
  );
}

function ambientUse(files: readonly SourceFile[]): Findings {
  return files
    .filter(({ path }) => folderOf(path) !== 'runtime')
    .flatMap((file) =>
      ambient.flatMap(({ pattern, instead }) =>
        findLines(
          file,
          blank(file.text, true),
          pattern,
          (used) => `"${used}" cannot be replayed: take a Clock or Random and use ${instead}`,
        ),
      ),
    );
}

function headers(files: readonly SourceFile[]): Findings {
  return files
    .filter(({ text }) => {
      if (text.startsWith('/**')) return false;
      const first = /^export /m.exec(text);
      return first === null || !text.slice(0, first.index).trimEnd().endsWith('*/');
    })
    .map(
      ({ path }) =>
        `${path}:1 has neither a header comment nor one on its first export: say why it exists`,
    );
}

function sleeping(files: readonly SourceFile[]): Findings {
  return files
    .filter(({ path }) => !/^(integration|nemesis|support)\//.test(path))
    .flatMap((file) =>
      findLines(
        file,
        blank(file.text, true),
        /\bsetTimeout\s*\(|\bnode:timers\b/,
        () => 'waits in real time: use the simulated clock, or move it to test/integration',
      ),
    );
}

function machinePaths(files: readonly SourceFile[]): Findings {
  const pattern = new RegExp(`(^|[\\s"'\`(=:<])/${'wo'}rk/|/${'ro'}ot/`);
  return files.flatMap((file) =>
    findLines(file, file.text, pattern, () => 'names a path of one machine: make it relative'),
  );
}

function lockFile(files: readonly SourceFile[]): Findings {
  return files.flatMap((file) =>
    findLines(
      file,
      file.text,
      /^\s*"resolved":/,
      () => 'names a registry: run npm install with the .npmrc of this repository',
    ),
  );
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The TypeScript files below a folder, by their path in it. */
function readFolder(folder: string): readonly SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: relative(join(root, folder), path).split(sep).join('/'),
      text: readFileSync(path, 'utf8'),
    }));
}

/** The text files that git knows, or none outside a checkout. */
function readTracked(): readonly SourceFile[] {
  if (!existsSync(join(root, '.git'))) return [];
  return execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && !path.endsWith('.binpb') && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

const src = readFolder('src');
const test = readFolder('test');
const bench = readFolder('bench');
const tracked = readTracked();
const lock = [
  { path: 'package-lock.json', text: readFileSync(join(root, 'package-lock.json'), 'utf8') },
];

interface Rule {
  readonly name: string;
  readonly check: (files: readonly SourceFile[]) => Findings;
  readonly files: readonly SourceFile[];
  /** Bad files, each of which the rule must find at line 2 or, for whole files, anywhere. */
  readonly planted: readonly SourceFile[];
}

const rules: readonly Rule[] = [
  {
    name: 'imports between folders of src obey the table of layers',
    check: layers,
    files: src,
    planted: [
      { path: 'base/bad.ts', text: "import { a } from '../ring/ring.ts';" },
      { path: 'ring/bad.ts', text: "import {\n  a,\n} from '../runtime/clock.ts';" },
      { path: 'hints/bad.ts', text: "import type { A } from '../coordinator/coordinator.ts';" },
      { path: 'coordinator/bad.ts', text: "export { a } from '../../generated/a.ts';" },
      { path: 'cli/bad.ts', text: "const a = await import('../rpc/server.ts');" },
      { path: 'client/bad.ts', text: "import '../node/node.ts';" },
      { path: 'novelty/bad.ts', text: 'export const a = 1;' },
    ],
  },
  {
    name: 'each package is used only where it is wrapped',
    check: packages,
    files: src,
    planted: [
      { path: 'coordinator/bad.ts', text: "import { Metadata } from '@grpc/grpc-js';" },
      { path: 'hints/bad.ts', text: "import { open } from 'lmdb';" },
      { path: 'membership/static.ts', text: "import zookeeper from 'node-zookeeper-client';" },
      { path: 'cli/bad.ts', text: "import leftPad from 'left-pad/index.js';" },
    ],
  },
  {
    name: 'records, rings, levels and the cores are pure',
    check: purity,
    files: src,
    planted: [
      { path: 'coordinator/read-core.ts', text: 'async function read() {}' },
      { path: 'coordinator/replica-plan.ts', text: 'const a = await b;' },
      { path: 'ring/bad.ts', text: "import { createHash } from 'node:crypto';" },
    ],
  },
  {
    name: 'imports have no cycles',
    check: cycles,
    files: src,
    planted: [{ path: 'ring/bad.ts', text: "import { a } from './bad.ts';" }],
  },
  {
    name: `no source file is longer than ${sourceLinesMax} lines`,
    check: size,
    files: [...src, ...bench],
    planted: [{ path: 'node/bad.ts', text: 'a;\n'.repeat(sourceLinesMax + 1) }],
  },
  {
    name: 'files and folders have telling names in kebab-case',
    check: names,
    files: [...src, ...test, ...bench],
    planted: [
      { path: 'utils/bad.ts', text: '' },
      { path: 'ring/helpers/bad.ts', text: '' },
      { path: 'ring/badName.ts', text: '' },
      { path: 'Ring/bad.ts', text: '' },
    ],
  },
  {
    name: 'nothing is marked as unfinished',
    check: unfinished,
    files: tracked,
    planted: [{ path: 'src/ring/bad.ts', text: `// ${'TO' + 'DO'}: later` }],
  },
  {
    name: 'time and chance come only from runtime',
    check: ambientUse,
    files: src,
    planted: [
      'setTimeout(tick, 10);',
      'globalThis.setInterval(tick, 10);',
      "import { setTimeout as sleep } from 'node:timers/promises';",
      'const nowMs = Date.now();',
      'const now = new Date();',
      'const start = performance.now();',
      'const signal = AbortSignal.timeout(10);',
      'const chance = Math.random();',
      "import { randomBytes } from 'node:crypto';",
    ].map((text) => ({ path: 'links/bad.ts', text })),
  },
  {
    name: 'every source file says why it exists',
    check: headers,
    files: [...src, ...bench],
    planted: [
      { path: 'ring/bad.ts', text: 'export const a = 1;' },
      { path: 'ring/bad.ts', text: "import { b } from './b.ts';\n\nexport const a = b;\n/** b */" },
    ],
  },
  {
    name: 'tests outside integration, nemesis and support do not sleep',
    check: sleeping,
    files: test,
    planted: [{ path: 'unit/bad.test.ts', text: 'await new Promise((r) => setTimeout(r, 10));' }],
  },
  {
    name: 'no file names a path of one machine',
    check: machinePaths,
    files: tracked,
    planted: [
      { path: 'docs/bad.md', text: `see /${'wo'}rk/main` },
      { path: 'docs/bad.md', text: `"/${'ro'}ot/.npmrc"` },
    ],
  },
  {
    name: 'the lock file names no registry',
    check: lockFile,
    files: lock,
    planted: [
      { path: 'package-lock.json', text: '      "resolved": "https://example.com/a.tgz",' },
    ],
  },
];

describe('the source', () => {
  for (const { name, check, files } of rules) {
    it(name, () => {
      const findings = check(files);
      assert.ok(findings.length === 0, `\n${findings.join('\n')}`);
    });
  }
});

describe('the rules', () => {
  for (const { name, check, planted } of rules) {
    it(`finds what breaks "${name}"`, () => {
      for (const file of planted) {
        const findings = check([file]);
        assert.equal(findings.length, 1, `found ${findings.length} in: ${file.text.slice(0, 100)}`);
        assert.match(findings[0] ?? '', /^\S+:\d+ /);
      }
    });
  }

  it('gives the line of an import that spans several', () => {
    const text = "/** Header. */\nimport {\n  a,\n} from '../rpc/a.ts';\n";
    assert.match(layers([{ path: 'ring/bad.ts', text }])[0] ?? '', /^ring\/bad\.ts:4 /);
  });

  it('leaves comments and texts alone', () => {
    const text = "/** Never Date.now(). */\nconst a = 'setTimeout(b)'; // Math.random()\n";
    assert.deepEqual(ambientUse([{ path: 'ring/good.ts', text }]), []);
  });

  it('accepts what the tables allow', () => {
    const file = {
      path: 'hints/good.ts',
      text: "import type { A } from '../coordinator/ports.ts';\nimport { b } from './b.ts';\n",
    };
    assert.deepEqual([...layers([file]), ...packages([file])], []);
  });

  it('finds a cycle of several files', () => {
    const files = [
      { path: 'ring/a.ts', text: "import './b.ts';" },
      { path: 'ring/b.ts', text: "import './c.ts';" },
      { path: 'ring/c.ts', text: "import './a.ts';" },
    ];
    assert.match(
      cycles(files)[0] ?? '',
      /ring\/a\.ts -> ring\/b\.ts -> ring\/c\.ts -> ring\/a\.ts/,
    );
  });
});
