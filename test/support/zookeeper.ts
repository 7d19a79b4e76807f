/**
 * A real ZooKeeper for tests: the one of this machine, on Debian installed first if need be and
 * the user is root. Where there is none, tests say so and run on the fake server only. What starts
 * a server is `src/cli/cluster/local-zookeeper.ts`, as for users.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  findZookeeper,
  LocalZookeeper,
  type ZookeeperInstallation,
} from '../../src/cli/cluster/local-zookeeper.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';

const installer = 'apt-get';
const packages = ['libzookeeper-java', 'default-jre-headless'];
let found: ZookeeperInstallation | undefined;
let hasLooked = false;

/**
 * @param sessionMsMax the longest session that it grants.
 * @returns a server that runs, or `undefined` if there is none; the caller stops it.
 */
export async function startZookeeper(sessionMsMax?: number): Promise<LocalZookeeper | undefined> {
  const installation = zookeeperInstallation();
  if (installation === undefined) return undefined;
  const zookeeper = new LocalZookeeper(
    { clock: new SystemClock() },
    { installation, ...(sessionMsMax !== undefined && { sessionMsMax }) },
  );
  await zookeeper.start();
  return zookeeper;
}

/** Where ZooKeeper is on this machine; installs it where that is allowed and says so. */
export function zookeeperInstallation(): ZookeeperInstallation | undefined {
  if (hasLooked) return found;
  hasLooked = true;
  found = findZookeeper();
  if (found === undefined && isDebianRoot()) {
    say(`no ZooKeeper here: installing ${packages.join(' and ')} with ${installer}`);
    aptGet('update', '-qq');
    aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages);
    found = findZookeeper();
  }
  if (found === undefined) {
    say(
      'NO REAL ZOOKEEPER WAS FOUND: tests against one are SKIPPED, only the fake server is used.',
    );
    say(
      `Install ${packages.join(' and ')} (Debian) or zookeeper (Homebrew), or set ZOOKEEPER_HOME.`,
    );
  }
  return found;
}

function isDebianRoot(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

function aptGet(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr } = spawnSync(installer, args, { env, encoding: 'utf8' });
  if (status !== 0) say(`${installer} ${args[0]} failed: ${stderr.trim().slice(-300)}`);
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
