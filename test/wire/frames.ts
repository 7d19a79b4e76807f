import fc from 'fast-check';
import { formatHex } from '../../src/base/bytes.ts';
import type {
  Hello,
  LinkReply,
  LinkRequest,
  RequestFrame,
  ResponseFrame,
} from '../../src/links/frames.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { clockMax } from '../../src/record/version.ts';
import { arbitraryKey, arbitraryRecord, arbitraryVersion } from '../record/samples.ts';

/** Frames of every kind, at random. */

const uint32 = fc.nat({ max: 0xffff_ffff });
const clockMs = fc.nat({ max: 2 ** 45 });

const arbitraryHello: fc.Arbitrary<Hello> = fc
  .tuple(uint32, fc.string(), fc.string(), fc.bigInt({ min: 0n, max: clockMax }), clockMs)
  .map(([protocolVersion, clusterName, node, incarnation, ms]) => ({
    protocolVersion,
    clusterName,
    node,
    incarnation,
    ringDigest: clusterName,
    clockMs: ms,
    dataId: node,
    isRebuilt: ms % 2 === 0,
    standing: { servesReads: ms % 3 === 0, takesWrites: ms % 5 === 0 },
  }));

const tokens = fc.uint8Array({ minLength: 32, maxLength: 32 });
const floors = fc.uint8Array({ minLength: 2_048, maxLength: 2_048 });
const anyClock = fc.bigInt({ min: 0n, max: clockMax });

const maybeVersion = fc.option(arbitraryVersion, { nil: undefined });

const arbitraryTokenRequest: fc.Arbitrary<ReplicaRequest> = fc.oneof(
  fc.record({
    operation: fc.constant('list' as const),
    key: fc.uint8Array({ maxLength: 9 }),
    tokens,
  }),
  fc.record({ operation: fc.constant('copy' as const), tokens, round: anyClock }),
  fc.record({
    operation: fc.constant('join-reclaim' as const),
    tokens,
    round: anyClock,
    clock: anyClock,
  }),
  fc.record({ operation: fc.constant('open-reclaim' as const), round: anyClock, floors }),
  fc.record({
    operation: fc.constantFrom<'seal-reclaim' | 'raise-reclaim'>('seal-reclaim', 'raise-reclaim'),
    round: anyClock,
  }),
  fc.constantFrom<ReplicaRequest>({ operation: 'read-floors' }, { operation: 'query-clock' }),
  fc.record({
    operation: fc.constant('compare' as const),
    compared: fc.array(fc.record({ key: arbitraryKey, version: maybeVersion }), { maxLength: 4 }),
  }),
);

const arbitraryKeyRequest: fc.Arbitrary<ReplicaRequest> = fc
  .tuple(
    fc.constantFrom('read-value', 'read-version', 'query-version', 'store', 'spread'),
    arbitraryKey,
    arbitraryRecord,
  )
  .map(([operation, key, record]) =>
    operation === 'store' || operation === 'spread'
      ? { operation, key, record }
      : { operation, key },
  );

const arbitraryRequest = fc.oneof(arbitraryKeyRequest, arbitraryTokenRequest);

export const arbitraryRequests: fc.Arbitrary<readonly LinkRequest[]> = fc.array(
  fc
    .tuple(uint32, uint32, arbitraryRequest)
    .map(([id, timeoutMs, request]) => ({ id, timeoutMs, request })),
  { maxLength: 8 },
);

/** Replies of a replica whose clock shows `ms`. */
function arbitraryReply(ms: number): fc.Arbitrary<ReplicaReply> {
  const answer = { outcome: 'ok', clockMs: ms } as const;
  return fc.oneof(
    fc.record({
      outcome: fc.constant('listed' as const),
      keys: fc.array(fc.record({ key: arbitraryKey, version: arbitraryVersion }), { maxLength: 4 }),
      damaged: fc.array(arbitraryKey, { maxLength: 2 }),
      next: fc.option(arbitraryKey, { nil: undefined }),
    }),
    fc.record({ outcome: fc.constant('floors' as const), floors }),
    arbitraryRecord.map((record) => ({ ...answer, version: record.version, record })),
    fc.record({
      outcome: fc.constant('compared' as const),
      differences: fc.array(fc.record({ index: uint32, version: maybeVersion }), { maxLength: 4 }),
    }),
    maybeVersion.map((version) => ({ ...answer, version, record: undefined })),
    fc.constantFrom<ReplicaReply>(
      { outcome: 'refused', reason: 'clock-ahead' },
      { outcome: 'refused', reason: 'not-a-replica' },
      { outcome: 'refused', reason: 'rebuilding' },
      { outcome: 'refused', reason: 'read-only' },
      { outcome: 'refused', reason: 'damaged' },
      { outcome: 'refused', reason: 'below-floor' },
      { outcome: 'refused', reason: 'not-now' },
      { outcome: 'copying', isDone: false },
      { outcome: 'copying', isDone: true },
      { outcome: 'unknown', reason: 'failed' },
    ),
  );
}

export const arbitraryReplies: fc.Arbitrary<readonly LinkReply[]> = clockMs.chain((ms) =>
  fc.array(
    fc.tuple(uint32, arbitraryReply(ms)).map(([id, reply]) => ({ id, reply })),
    { maxLength: 8 },
  ),
);

export const arbitraryRequestFrame: fc.Arbitrary<RequestFrame> = fc.oneof(
  arbitraryHello.map((hello) => ({ kind: 'hello', hello }) as const),
  uint32.map((id) => ({ kind: 'ping', id }) as const),
  arbitraryRequests.map((requests) => ({ kind: 'requests', requests }) as const),
);

export const arbitraryResponseFrame: fc.Arbitrary<ResponseFrame> = fc.oneof(
  arbitraryHello.map((hello) => ({ kind: 'welcome', hello }) as const),
  fc.tuple(uint32, clockMs, fc.boolean()).map(([id, ms, is]) => {
    const standing = { servesReads: is, takesWrites: !is };
    return { kind: 'pong', id, clockMs: ms, standing } as const;
  }),
  arbitraryReplies.map((replies) => ({ kind: 'replies', replies }) as const),
  fc
    .tuple(
      fc.constantFrom(
        'protocol-version',
        'cluster-name',
        'unknown-node',
        'ring',
        'duplicate-node',
        'data-id',
        'protocol',
      ),
      fc.string(),
    )
    .map(([reason, message]) => ({ kind: 'refusal', refusal: { reason, message } }) as const),
);

/** The same with bytes as text, so that only what they hold is compared and not their class. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${formatHex(value)}`;
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, comparable(part)]));
}
