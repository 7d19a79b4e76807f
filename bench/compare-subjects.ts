import { GetRequest, PutRequest } from '../generated/quorate/v1/key_value.ts';
import type { BenchSubject } from '../src/cli/bench/load/cluster-load.ts';
import { benchKey } from '../src/cli/bench/load/key-choice.ts';
import { spellingToWire } from '../src/wire/key-form.ts';
import { levelToWire } from '../src/wire/level-form.ts';
import { type EtcdAction, encodeEtcd, etcdPaths } from './etcd-kv.ts';

/** What is compared, and how each is called. */
export const subjectNames = [
  'echo',
  'quorate put QUORUM',
  'etcd put',
  'quorate get QUORUM',
  'etcd get',
  'quorate get ONE',
] as const;

export type SubjectName = (typeof subjectNames)[number];

/** What the load threads of a comparison call. */
export type CompareSubject =
  | BenchSubject
  | {
      readonly kind: 'etcd';
      readonly address: string;
      readonly action: EtcdAction;
      readonly valueBytes: number;
    };

/** Where the servers are, as `host:port`. */
export interface Servers {
  readonly echo: string;
  readonly quorate: readonly string[];
  /** The leader. */
  readonly etcd: string;
}

export const valueBytes = 100;
/** Its token belongs to the first node, so that the coordinator is one of its replicas. */
const keyOfAll = benchKey(0);

const quorateCalls = {
  'quorate put QUORUM': { action: 'put', level: 'QUORUM' },
  'quorate get QUORUM': { action: 'get', level: 'QUORUM' },
  'quorate get ONE': { action: 'get', level: 'ONE' },
} as const;

/** For the load threads: unary calls to one node, or the typed client with all nodes. */
export function subjectOf(
  name: SubjectName,
  servers: Servers,
  path: 'unary' | 'pipelined',
): CompareSubject {
  if (name === 'echo') return { kind: 'echo', address: servers.echo };
  if (name === 'etcd put' || name === 'etcd get') {
    return { kind: 'etcd', address: servers.etcd, action: etcdActionOf(name), valueBytes };
  }
  const { action, level } = quorateCalls[name];
  const addresses = path === 'unary' ? servers.quorate.slice(0, 1) : servers.quorate;
  return { kind: 'cluster', addresses, path, level, actions: [{ action, part: 1 }], valueBytes };
}

/** For h2load: one call, with one key. */
export function wireCallOf(name: SubjectName, servers: Servers) {
  if (name === 'etcd put' || name === 'etcd get') {
    const action = etcdActionOf(name);
    const message = encodeEtcd(action, keyOfAll, valueBytes);
    return { address: servers.etcd, path: etcdPaths[action], message };
  }
  const { action, level } = name === 'echo' ? echoCall : quorateCalls[name];
  const request = {
    keyForm: spellingToWire(keyOfAll),
    consistency: levelToWire(level),
    explain: false,
  };
  const valueForm = { $case: 'value', value: 'v'.repeat(valueBytes) } as const;
  const writer =
    action === 'get'
      ? GetRequest.encode(request)
      : PutRequest.encode({ ...request, valueForm, ttl: undefined });
  return {
    address: (name === 'echo' ? servers.echo : servers.quorate[0]) ?? '',
    path: `/quorate.v1.KeyValueService/${action === 'get' ? 'Get' : 'Put'}`,
    message: writer.finish(),
  };
}

const echoCall = { action: 'get', level: 'QUORUM' } as const;

/** An answer that is not an error has at least so many bytes, its frame included. */
export function answerBytesMin(name: SubjectName): number {
  return name === 'echo' || name.includes('get') ? valueBytes : 6;
}

function etcdActionOf(name: 'etcd put' | 'etcd get'): EtcdAction {
  return name === 'etcd put' ? 'put' : 'get';
}
