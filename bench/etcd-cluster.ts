import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePorts, host } from '../src/cli/bench/free-ports.ts';
import type { Clock } from '../src/runtime/clock.ts';

/** Three nodes of etcd with Debian's defaults, each with a directory of its own. */
export interface EtcdCluster {
  /** The leader, as `host:port`: what it is asked goes through no other node first. */
  readonly leader: string;
  readonly pids: () => readonly number[];
  stop(): Promise<void>;
}

const nodes = 3;
const startMsMax = 15_000;
const pollMs = 100;
const quotaBytes = 8 * 2 ** 30;

/** Starts them below a folder. @returns why not, if etcd is not there or they do not start. */
export async function startEtcd(clock: Clock, folder: string): Promise<EtcdCluster | string> {
  const ports = await freePorts(2 * nodes);
  const urlOf = (index: number) => `http://${host}:${ports[index]}`;
  const names = Array.from({ length: nodes }, (_none, index) => `etcd${index}`);
  const cluster = names.map((name, index) => `${name}=${urlOf(nodes + index)}`).join(',');
  const running = new Set<ChildProcess>();
  let failure: string | undefined;
  const exits = names.map((name, index) => {
    const child = spawn('etcd', argsOf(name, urlOf(index), urlOf(nodes + index), cluster, folder), {
      stdio: 'ignore',
      // Ctrl-C is for us: what is measured ends first.
      detached: true,
    });
    running.add(child);
    return new Promise<void>((resolve) => {
      const end = (why: string) => {
        running.delete(child);
        failure ??= why;
        resolve();
      };
      child.once('error', (error) =>
        end(error.message.includes('ENOENT') ? 'etcd is not installed' : error.message),
      );
      child.once('exit', (code) => end(`${name} ended with exit code ${code}`));
    });
  });
  const stop = async () => {
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(exits);
  };
  const untilMs = clock.monotonicMs() + startMsMax;
  while (failure === undefined && clock.monotonicMs() < untilMs) {
    const leading = await Promise.all(names.map((_name, index) => leads(urlOf(index))));
    const leader = leading.indexOf(true);
    if (leader !== -1 && !leading.includes(undefined)) {
      const pids = () => [...running].flatMap(({ pid }) => pid ?? []);
      return { leader: `${host}:${ports[leader]}`, pids, stop };
    }
    await new Promise<void>((resolve) => clock.schedule(pollMs, resolve));
  }
  await stop();
  return failure ?? 'the nodes of etcd elected no leader in time';
}

function argsOf(name: string, client: string, peer: string, cluster: string, folder: string) {
  return [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${cluster}`,
    `--quota-backend-bytes=${quotaBytes}`,
    ...['--logger=zap', '--log-level=error'],
  ];
}

/** Whether a node leads; `undefined` if it knows no leader yet. */
async function leads(url: string): Promise<boolean | undefined> {
  try {
    const response = await fetch(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' });
    const status: unknown = await response.json();
    const { leader, header } = status as { leader?: string; header?: { member_id?: string } };
    if (leader === undefined || leader === '0') return undefined;
    return leader === header?.member_id;
  } catch {
    return undefined;
  }
}
