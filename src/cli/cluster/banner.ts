import { formatHostPort, type NodeAddress } from '../../config/replicas-file.ts';

/** What a running cluster tells its user first: where it is, what to type, what it is not. */
export function banner(
  replicas: readonly NodeAddress[],
  mode: string,
  { membership, storage }: { readonly membership: string; readonly storage: string },
): readonly string[] {
  const at = (index: number) => {
    const replica = replicas[index % replicas.length];
    return replica === undefined ? '' : formatHostPort(replica);
  };
  const width = Math.max(...replicas.map(({ name }) => name.length));
  return [
    `Quorate is ready: ${replicas.length} nodes on this machine, mode ${mode}.`,
    '',
    ...replicas.map((replica) => `  ${replica.name.padEnd(width)}  ${formatHostPort(replica)}`),
    '',
    'Try it from another terminal, in this folder:',
    '',
    `  node bin/quorate.js put 7 hello -s ${at(0)}`,
    `  node bin/quorate.js get 7 --explain -s ${at(1)}`,
    `  grpcurl -plaintext -d '{"key": 7, "consistency": "QUORUM"}' ${at(2)} quorate.v1.KeyValueService/Get`,
    '',
    `Membership: ${membership}`,
    `Storage: ${storage}`,
    'Security: no TLS and no authentication yet; whoever reaches these ports can read and write.',
    '',
    'Type help for what can be done with the nodes. Ctrl-C stops all of them.',
  ];
}
