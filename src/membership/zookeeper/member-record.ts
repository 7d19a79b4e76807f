import { decodeText, encodeText } from '../../base/bytes.ts';

/** What a node writes into its registration: where it is and which run of its process it is. */
export interface MemberRecord {
  readonly host: string;
  readonly port: number;
  readonly incarnation: bigint;
}

const version = 1;

export function encodeMember({ host, port, incarnation }: MemberRecord): Uint8Array {
  return encodeText(JSON.stringify({ version, host, port, incarnation: incarnation.toString(16) }));
}

/** Reads a registration, or gives `undefined` for what no node of ours has written. */
export function decodeMember(data: Uint8Array): MemberRecord | undefined {
  try {
    const read = JSON.parse(decodeText(data) ?? '') as Record<string, unknown>;
    const { host, port, incarnation } = read;
    if (typeof host !== 'string' || host === '') return undefined;
    if (typeof port !== 'number' || !(port >= 1 && port <= 65_535)) return undefined;
    if (typeof incarnation !== 'string' || !/^[0-9a-f]{1,16}$/.test(incarnation)) return undefined;
    return { host, port, incarnation: BigInt(`0x${incarnation}`) };
  } catch {
    return undefined;
  }
}
