import {
  ACL,
  type ClientLong,
  type ClientOperationResult,
  type ClientStat,
  type ClientTransaction,
  Id,
  Permission,
} from 'node-zookeeper-client';
import { asBuffer } from '../../base/bytes.ts';
import type { Stat, ZnodeMode, ZnodeOperation } from './connection.ts';

/**
 * The client's values and ours: 64-bit numbers, stats, transactions. Its longs are Buffers, which
 * `===` tells apart when they are equal, and its transactions read version 0 as "any version".
 */
export const anyVersion = -1;

const modes: Readonly<Record<ZnodeMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  'ephemeral-sequential': 3,
};

export function toModeNumber(mode: ZnodeMode): number {
  return modes[mode];
}

export function fromLong(long: ClientLong): bigint {
  return long.readBigInt64BE();
}

export function toLong(value: bigint): ClientLong {
  const long = Buffer.alloc(8);
  long.writeBigInt64BE(value);
  return long;
}

export function fromClientStat(stat: ClientStat): Stat {
  return {
    czxid: fromLong(stat.czxid),
    mzxid: fromLong(stat.mzxid),
    version: stat.version,
    childrenVersion: stat.cversion,
    ephemeralOwner: fromLong(stat.ephemeralOwner),
    childrenCount: stat.numChildren,
  };
}

/** Everybody may do everything: the lists of znodes made without a name and a password. */
const openAccess = [new ACL(Permission.ALL, Id.ANYONE_ID_UNSAFE)];
/** Everybody reads, and those who prove the same name and password write. */
const guardedAccess = [
  new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE),
  new ACL(Permission.ALL, Id.AUTH_IDS),
];

/** The access list of new znodes. */
export function accessOf(isGuarded: boolean): ACL[] {
  return isGuarded ? guardedAccess : openAccess;
}

/** Fills a transaction of the client. */
export function toTransaction(
  transaction: ClientTransaction,
  access: ACL[],
  operations: readonly ZnodeOperation[],
): ClientTransaction {
  for (const operation of operations) {
    const { kind, path } = operation;
    if (kind === 'create') {
      transaction.create(path, asBuffer(operation.data), access, modes[operation.mode]);
      continue;
    }
    if (kind === 'set') transaction.setData(path, asBuffer(operation.data), anyVersion);
    else if (kind === 'delete') transaction.remove(path, anyVersion);
    else transaction.check(path, anyVersion);
    // Not as an argument, where 0 would mean any version.
    const added = transaction.ops.at(-1);
    if (added) added.version = operation.version ?? anyVersion;
  }
  return transaction;
}

/** Which part made a transaction fail, for people. */
export function describeFailed(
  operations: readonly ZnodeOperation[],
  results: readonly ClientOperationResult[] | undefined,
): string {
  const index = results?.findIndex(({ err }) => err !== undefined && err !== 0) ?? -1;
  const failed = operations[index];
  return failed ? `operation ${index}: ${failed.kind} ${failed.path}` : 'transaction';
}
