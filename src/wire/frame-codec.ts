/**
 * Frames to and from the bytes of ConnectRequest and ConnectResponse. The batches, on which all
 * speed depends, are written and read straight from the domain types (a test holds them equal to
 * the generated code); the rest goes through the generated types.
 */
import {
  ConnectRequest,
  ConnectResponse,
  Refusal_Reason,
  type Hello as WireHello,
} from '../../generated/quorate/internal/v1/peer.ts';
import { assert } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type {
  Hello,
  LinkReply,
  LinkRequest,
  RefusedFor,
  RequestFrame,
  ResponseFrame,
} from '../links/frames.ts';
import type { ReplicaStanding } from '../record/replica-messages.ts';
import { encodeMessage } from './encode-message.ts';
import { readReply, readRequest, writeReply, writeRequest } from './peer-message-codec.ts';
import { PeerReader } from './peer-reader.ts';

const requestsTag = (3 << 3) | 2;
const repliesTag = (4 << 3) | 2;
const clockTag = (1 << 3) | 1;
const itemRequestTag = (1 << 3) | 2;
const itemReplyTag = (2 << 3) | 2;

export function encodeRequestFrame(frame: RequestFrame): Buffer {
  if (frame.kind === 'requests') {
    return encodeMessage((writer) => {
      writer.uint32(requestsTag).fork();
      for (const request of frame.requests) writeRequest(writer.uint32(itemRequestTag), request);
      writer.join();
    });
  }
  const wire: ConnectRequest['frame'] =
    frame.kind === 'hello'
      ? { $case: 'hello', value: helloToWire(frame.hello) }
      : { $case: 'ping', value: { id: frame.id } };
  return asBuffer(ConnectRequest.encode({ frame: wire }).finish());
}

/** @throws QuorateError INVALID_ARGUMENT for anything that is not a frame. */
export function decodeRequestFrame(bytes: Buffer): RequestFrame {
  if (bytes[0] === requestsTag) return { kind: 'requests', requests: decodeRequests(bytes) };
  const { frame } = ConnectRequest.decode(bytes);
  if (frame?.$case === 'hello') return { kind: 'hello', hello: helloFromWire(frame.value) };
  if (frame?.$case === 'ping') return { kind: 'ping', id: frame.value.id };
  throw notUnderstood();
}

export function encodeResponseFrame(frame: ResponseFrame): Buffer {
  if (frame.kind === 'replies') return encodeReplies(frame.replies);
  return asBuffer(ConnectResponse.encode({ frame: responseToWire(frame) }).finish());
}

/** @throws QuorateError INVALID_ARGUMENT for anything that is not a frame. */
export function decodeResponseFrame(bytes: Buffer): ResponseFrame {
  if (bytes[0] === repliesTag) return { kind: 'replies', replies: decodeReplies(bytes) };
  const { frame } = ConnectResponse.decode(bytes);
  switch (frame?.$case) {
    case 'welcome':
      return { kind: 'welcome', hello: helloFromWire(frame.value) };
    case 'refusal': {
      const reason = reasonsByNumber.get(frame.value.reason) ?? 'protocol';
      return { kind: 'refusal', refusal: { reason, message: frame.value.message } };
    }
    case 'pong':
      return {
        kind: 'pong',
        id: frame.value.id,
        clockMs: Number(frame.value.clockMs),
        standing: frame.value.standing ?? noStanding,
      };
    default:
      throw notUnderstood();
  }
}

function encodeReplies(replies: readonly LinkReply[]): Buffer {
  const answered = replies.find(({ reply }) => reply.outcome === 'ok')?.reply;
  const clockMs = answered?.outcome === 'ok' ? answered.clockMs : 0;
  return encodeMessage((writer) => {
    writer.uint32(repliesTag).fork();
    writer.uint32(clockTag).fixed64(BigInt(Math.floor(clockMs)));
    for (const reply of replies) writeReply(writer.uint32(itemReplyTag), reply);
    writer.join();
  });
}

function decodeRequests(bytes: Buffer): readonly LinkRequest[] {
  const reader = new PeerReader(bytes);
  const requests: LinkRequest[] = [];
  reader.uint32();
  const end = endOfMessage(reader);
  while (reader.pos < end) {
    if (reader.uint32() !== itemRequestTag) throw notUnderstood();
    requests.push(readRequest(reader));
  }
  if (reader.pos !== reader.len) throw notUnderstood();
  return requests;
}

function decodeReplies(bytes: Buffer): readonly LinkReply[] {
  const reader = new PeerReader(bytes);
  const replies: LinkReply[] = [];
  reader.uint32();
  const end = endOfMessage(reader);
  let clockMs = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === clockTag) clockMs = Number(reader.fixed64());
    else if (tag === itemReplyTag) replies.push(readReply(reader, clockMs));
    else throw notUnderstood();
  }
  if (reader.pos !== reader.len) throw notUnderstood();
  return replies;
}

function endOfMessage(reader: PeerReader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw notUnderstood();
  return end;
}

function responseToWire(
  frame: Exclude<ResponseFrame, { kind: 'replies' }>,
): ConnectResponse['frame'] {
  switch (frame.kind) {
    case 'welcome':
      return { $case: 'welcome', value: helloToWire(frame.hello) };
    case 'refusal': {
      const { reason, message } = frame.refusal;
      return { $case: 'refusal', value: { reason: refusalReasons[reason], message } };
    }
    case 'pong': {
      const { id, clockMs, standing } = frame;
      return { $case: 'pong', value: { id, clockMs: msToWire(clockMs), standing } };
    }
  }
}

const refusalReasons = {
  'protocol-version': Refusal_Reason.PROTOCOL_VERSION,
  'cluster-name': Refusal_Reason.CLUSTER_NAME,
  'unknown-node': Refusal_Reason.UNKNOWN_NODE,
  ring: Refusal_Reason.RING,
  'duplicate-node': Refusal_Reason.DUPLICATE_NODE,
  'data-id': Refusal_Reason.DATA_ID,
  protocol: Refusal_Reason.PROTOCOL,
} as const satisfies Record<RefusedFor, Refusal_Reason>;

const reasonsByNumber = new Map<Refusal_Reason, RefusedFor>(
  (Object.keys(refusalReasons) as RefusedFor[]).map((reason) => [refusalReasons[reason], reason]),
);

function helloToWire(hello: Hello): WireHello {
  return { ...hello, clockMs: msToWire(hello.clockMs) };
}

function helloFromWire(wire: WireHello): Hello {
  return { ...wire, clockMs: Number(wire.clockMs), standing: wire.standing ?? noStanding };
}

const noStanding: ReplicaStanding = { servesReads: false, takesWrites: false };

function msToWire(ms: number): bigint {
  assert(ms >= 0, 'the clock is after 1970');
  return BigInt(Math.floor(ms));
}

function notUnderstood(): QuorateError {
  return new QuorateError('INVALID_ARGUMENT', {}, 'the frame is not understood');
}
