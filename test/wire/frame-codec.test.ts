import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ConnectRequest,
  ConnectResponse,
  type PeerReply_Outcome,
  type PeerRequest,
  type Record as WireRecord,
} from '../../generated/quorate/internal/v1/peer.ts';
import { asBuffer } from '../../src/base/bytes.ts';
import type {
  LinkReply,
  LinkRequest,
  RequestFrame,
  ResponseFrame,
} from '../../src/links/frames.ts';
import type { ComparedVersion } from '../../src/record/replica-messages.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import {
  decodeRequestFrame,
  decodeResponseFrame,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../src/wire/frame-codec.ts';
import { versionAt } from '../record/samples.ts';
import {
  arbitraryReplies,
  arbitraryRequestFrame,
  arbitraryRequests,
  arbitraryResponseFrame,
  comparable,
} from './frames.ts';

// The numbers of peer.proto, written down once more: a changed number is a changed protocol.
const kinds = { text: 2, bytes: 3, json: 4 } as const;
const operations = {
  'read-value': 1,
  'read-version': 2,
  'query-version': 3,
  store: 4,
  spread: 5,
  list: 6,
  copy: 7,
  'read-floors': 8,
  'join-reclaim': 9,
  'open-reclaim': 10,
  'seal-reclaim': 11,
  'raise-reclaim': 12,
  compare: 13,
  'query-clock': 14,
} as const;
const refusals = {
  'clock-ahead': 2,
  'not-a-replica': 3,
  'not-sent': 4,
  rebuilding: 5,
  'read-only': 6,
  damaged: 7,
  'below-floor': 12,
  'not-now': 13,
} as const;

function wireRecord(record: VersionedValue): WireRecord {
  const { version, value } = record;
  const bytes = Buffer.from(value?.bytes ?? []);
  const kind = value === undefined ? 1 : kinds[value.kind];
  return { ...version, kind, value: bytes, expireTimeMs: BigInt(value?.expireTimeMs ?? 0) };
}

function wireKeyedVersion({ key, version }: ComparedVersion) {
  return { key: Buffer.from(key), clock: version?.clock ?? 0n, node: version?.node ?? '' };
}

function wireRequest({ id, timeoutMs, request }: LinkRequest) {
  const record = 'record' in request ? wireRecord(request.record) : undefined;
  const operation = operations[request.operation];
  const key = Buffer.from('key' in request ? request.key : []);
  const tokens = Buffer.from('tokens' in request ? request.tokens : []);
  const round = 'round' in request ? request.round : 0n;
  const clock = 'clock' in request ? request.clock : 0n;
  const floors = Buffer.from('floors' in request ? request.floors : []);
  const compared = 'compared' in request ? request.compared.map(wireKeyedVersion) : [];
  return { id, operation, timeoutMs, key, record, tokens, round, clock, floors, compared };
}

function outcomeOf({ reply }: LinkReply): PeerReply_Outcome {
  if (reply.outcome === 'ok') return 1;
  if (reply.outcome === 'unknown') return 4;
  if (reply.outcome === 'listed') return 8;
  if (reply.outcome === 'floors') return 11;
  if (reply.outcome === 'compared') return 14;
  if (reply.outcome === 'copying') return reply.isDone ? 10 : 9;
  return refusals[reply.reason];
}

function wireReply(linkReply: LinkReply) {
  const { id, reply } = linkReply;
  const record = reply.outcome === 'ok' ? reply.record : undefined;
  const listed = reply.outcome === 'listed' ? reply : undefined;
  const version = reply.outcome === 'ok' && record === undefined ? reply.version : undefined;
  return {
    id,
    outcome: outcomeOf(linkReply),
    versionClock: version?.clock ?? 0n,
    versionNode: version?.node ?? '',
    record: record && wireRecord(record),
    keys: listed?.keys.map(wireKeyedVersion) ?? [],
    nextKey: Buffer.from(listed?.next ?? []),
    floors: Buffer.from(reply.outcome === 'floors' ? reply.floors : []),
    damagedKeys: listed?.damaged.map((key) => Buffer.from(key)) ?? [],
    differences:
      reply.outcome === 'compared'
        ? reply.differences.map(({ index, version }) => {
            return { index, clock: version?.clock ?? 0n, node: version?.node ?? '' };
          })
        : [],
  };
}

function clockOf(replies: readonly LinkReply[]): bigint {
  const answered = replies.map(({ reply }) => (reply.outcome === 'ok' ? reply.clockMs : undefined));
  return BigInt(answered.find((ms) => ms !== undefined) ?? 0);
}

function wireRequests(requests: readonly LinkRequest[]): ConnectRequest {
  const value = { requests: requests.map(wireRequest) };
  return { frame: { $case: 'requests', value } };
}

function wireReplies(replies: readonly LinkReply[]): ConnectResponse {
  const value = { clockMs: clockOf(replies), replies: replies.map(wireReply) };
  return { frame: { $case: 'replies', value } };
}

function checkLimits(frame: RequestFrame | ResponseFrame): void {
  if (frame.kind !== 'requests') return;
  for (const { request } of frame.requests) {
    assert.ok(request.operation in operations);
    if ('tokens' in request) assert.equal(request.tokens.length, 32);
    else if ('floors' in request) assert.equal(request.floors.length, 2_048);
    else if ('compared' in request) {
      for (const { key } of request.compared) assert.ok(key.length >= 1 && key.length <= 1_024);
    } else if ('key' in request) assert.ok(request.key.length >= 1 && request.key.length <= 1_024);
    if ('record' in request) assert.ok(request.record.version.node !== '');
  }
}

function listFrom(keyLength: number) {
  return { operation: 6, tokens: Buffer.alloc(32), key: Buffer.alloc(keyLength) };
}

function comparing(change: { readonly key?: Buffer; readonly node?: string }) {
  return { operation: 13, compared: [{ key: Buffer.from('k'), clock: 1n, node: 'a', ...change }] };
}

describe('the frame codec', () => {
  it('brings back every frame', () => {
    fc.assert(
      fc.property(arbitraryRequestFrame, arbitraryResponseFrame, (request, response) => {
        const back = decodeRequestFrame(encodeRequestFrame(request));
        assert.deepEqual(comparable(back), comparable(request));
        const answer = decodeResponseFrame(encodeResponseFrame(response));
        assert.deepEqual(comparable(answer), comparable(response));
      }),
      { numRuns: 300 },
    );
  });

  it('writes batches that the generated code reads as they were meant', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryReplies, (requests, replies) => {
        const request = ConnectRequest.decode(encodeRequestFrame({ kind: 'requests', requests }));
        assert.deepEqual(comparable(request), comparable(wireRequests(requests)));
        const response = ConnectResponse.decode(encodeResponseFrame({ kind: 'replies', replies }));
        assert.deepEqual(comparable(response), comparable(wireReplies(replies)));
      }),
      { numRuns: 300 },
    );
  });

  it('reads batches that the generated code has written', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryReplies, (requests, replies) => {
        const request = ConnectRequest.encode(wireRequests(requests)).finish();
        assert.deepEqual(
          comparable(decodeRequestFrame(asBuffer(request))),
          comparable({ kind: 'requests', requests }),
        );
        const response = ConnectResponse.encode(wireReplies(replies)).finish();
        assert.deepEqual(
          comparable(decodeResponseFrame(asBuffer(response))),
          comparable({ kind: 'replies', replies }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('writes the other frames as the generated code reads them', () => {
    const { frame } = ConnectResponse.decode(
      encodeResponseFrame({
        kind: 'refusal',
        refusal: { reason: 'duplicate-node', message: 'another' },
      }),
    );
    assert.deepEqual(frame, { $case: 'refusal', value: { reason: 5, message: 'another' } });
    const standing = { servesReads: true, takesWrites: false };
    const pong = ConnectResponse.decode(
      encodeResponseFrame({ kind: 'pong', id: 3, clockMs: 1_767_225_600_123.75, standing }),
    );
    assert.deepEqual(pong.frame, {
      $case: 'pong',
      value: { id: 3, clockMs: 1_767_225_600_123n, standing },
    });
  });

  it('tells a tombstone from an empty value', () => {
    const empty = { kind: 'text', bytes: new Uint8Array() } as const;
    for (const value of [undefined, empty]) {
      const request = {
        operation: 'store',
        key: Uint8Array.of(1),
        record: { version: versionAt(1), value },
      } as const;
      const requests = [{ id: 1, timeoutMs: 1, request }];
      const back = decodeRequestFrame(encodeRequestFrame({ kind: 'requests', requests }));
      assert.deepEqual(comparable(back), comparable({ kind: 'requests', requests }));
    }
  });

  it('throws an error for bytes that are no frame, and lets nothing through that a node would not send', () => {
    const damaged = fc
      .tuple(arbitraryRequestFrame, arbitraryResponseFrame, fc.nat(), fc.nat({ max: 255 }))
      .map(([request, response, at, byte]) => {
        const frames = [encodeRequestFrame(request), encodeResponseFrame(response)];
        for (const frame of frames) frame[at % Math.max(1, frame.length)] = byte;
        return frames;
      });
    const cut = fc
      .tuple(arbitraryRequestFrame, arbitraryResponseFrame, fc.nat())
      .map(([request, response, length]) => {
        const frames = [encodeRequestFrame(request), encodeResponseFrame(response)];
        return frames.map((frame) => frame.subarray(0, length % (frame.length + 1)));
      });
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => [asBuffer(bytes)]);
    fc.assert(
      fc.property(fc.oneof(damaged, cut, noise), (messages) => {
        for (const message of messages) {
          for (const decode of [decodeRequestFrame, decodeResponseFrame]) {
            try {
              checkLimits(decode(message));
            } catch (error: unknown) {
              assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
            }
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [what, change] of [
    ['an unknown operation', { operation: 77 }],
    ['no operation', { operation: 0 }],
    ['an empty key', { key: Buffer.alloc(0) }],
    ['a list of 255 tokens', { operation: 6, tokens: Buffer.alloc(31) }],
    ['a copy of no tokens', { operation: 7 }],
    ['a reclaim of no tokens', { operation: 9 }],
    ['floors of 255 tokens', { operation: 10, floors: Buffer.alloc(2_040) }],
    ['a list from a key of 1,026 bytes', listFrom(1_026)],
    ['a comparison of an empty key', comparing({ key: Buffer.alloc(0) })],
    ['a comparison of a key of 1,025 bytes', comparing({ key: Buffer.alloc(1_025) })],
    ['a comparison with a node name of 64 characters', comparing({ node: 'n'.repeat(64) })],
    ['a key of 1,025 bytes', { key: Buffer.alloc(1_025) }],
    ['a store without a record', { operation: 4, record: undefined }],
    ['a record of an unknown kind', { kind: 9 }],
    ['a record of no kind', { kind: 0 }],
    ['a version without a node', { node: '' }],
    ['a node name of 64 characters', { node: 'n'.repeat(64) }],
    ['a time of expiry over 53 bits', { expireTimeMs: 2n ** 53n }],
    ['a value over 1 MiB', { value: Buffer.alloc(1024 * 1024 + 1) }],
  ] as const) {
    it(`refuses ${what} from a peer`, () => {
      const record = {
        clock: 1n,
        node: 'a',
        kind: 2,
        value: Buffer.from('x'),
        expireTimeMs: 0n,
        ...change,
      };
      const request = {
        id: 1,
        operation: 4,
        timeoutMs: 9,
        key: Buffer.from('k'),
        tokens: Buffer.alloc(0),
        round: 0n,
        clock: 0n,
        floors: Buffer.alloc(0),
        compared: [],
        record,
        ...change,
      };
      // Numbers that the types do not know are what this is about.
      const value = { requests: [request as PeerRequest] };
      const message: ConnectRequest = { frame: { $case: 'requests', value } };
      const encoded = asBuffer(ConnectRequest.encode(message).finish());
      assert.throws(() => decodeRequestFrame(encoded), { code: 'INVALID_ARGUMENT' });
    });
  }

  it('refuses frames of no kind and trailing bytes', () => {
    for (const decode of [decodeRequestFrame, decodeResponseFrame]) {
      assert.throws(() => decode(Buffer.alloc(0)), { code: 'INVALID_ARGUMENT' });
    }
    const encoded = encodeRequestFrame({ kind: 'requests', requests: [] });
    const trailing = Buffer.concat([encoded, Buffer.of(8, 1)]);
    assert.throws(() => decodeRequestFrame(trailing), { code: 'INVALID_ARGUMENT' });
  });
});
