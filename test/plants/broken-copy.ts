import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Edit } from './plants.ts';

const compiled = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Inside the checkout, so that its packages are found. */
const copies = join(compiled, '..', '.plants');

/**
 * Makes a copy of the compiled code with some changes; all other files are hard links.
 *
 * @returns its folder, which {@link removeCopy} removes.
 * @throws Error if what is to be changed is not there exactly once: the product has moved on, and
 * the edit has to follow.
 */
export function brokenCopy(name: string, edits: readonly Edit[]): string {
  const folder = join(copies, name.replace(/\W+/g, '-'));
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['src', 'generated', 'test'])
    linkAll(join(compiled, part), join(folder, part));
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`"${name}": ${file} holds ${JSON.stringify(find)} ${parts.length - 1} times`);
    }
    // A new file: the link goes, what it pointed to stays.
    rmSync(path);
    writeFileSync(path, parts.join(replace));
  }
  return folder;
}

export function removeCopy(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkAll(source, target);
    else if (entry.name.endsWith('.js')) linkSync(source, target);
  }
}
