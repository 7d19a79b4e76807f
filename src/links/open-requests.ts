import { SequenceMap } from '../base/sequence-map.ts';
import { type ReplicaReply, type ReplicaRequest, refused } from '../record/replica-messages.ts';
import { recordBytes } from '../record/versioned-value.ts';
import { frameBytesMax, type LinkRequest } from './frames.ts';

/**
 * The requests of one link that have no answer yet: first in the queue, then under way. Each ends
 * exactly once, by its answer, by its deadline, or with the stream; a request that never left ends
 * as certainly not sent, one that left as unknown.
 */

/** How many requests to one peer may be open at once, and how many bytes they may take. */
export const linkRequestsMax = 8_192;
export const linkBytesMax = 32 * 1024 * 1024;

type OnReply = (reply: ReplicaReply) => void;

interface OpenRequest {
  readonly request: ReplicaRequest;
  readonly bytes: number;
  deadlineMs: number;
  readonly onReply: OnReply;
  /** Who else waits for the same answer. */
  joined: OnReply[] | undefined;
  isUnderWay: boolean;
}

const notSent = refused('not-sent');

export class OpenRequests {
  readonly #open = new SequenceMap<OpenRequest>();
  /** The ids that have not left, oldest first. */
  #queue: number[] = [];
  #bytes = 0;
  /** The question for the newest clock that has not left: it serves all who ask until it does. */
  #clockQuery: OpenRequest | undefined;

  get count(): number {
    return this.#open.size;
  }

  hasRoom(bytes: number): boolean {
    return this.#open.size < linkRequestsMax && this.#bytes + bytes <= linkBytesMax;
  }

  /** Queues a request, or ends it at once if there is no room. @returns whether it was queued. */
  add(id: number, request: ReplicaRequest, deadlineMs: number, onReply: OnReply): boolean {
    const isClockQuery = request.operation === 'query-clock';
    if (isClockQuery && this.#clockQuery !== undefined) {
      this.#clockQuery.deadlineMs = Math.max(this.#clockQuery.deadlineMs, deadlineMs);
      this.#clockQuery.joined ??= [];
      this.#clockQuery.joined.push(onReply);
      return true;
    }
    const bytes = requestBytes(request);
    if (!this.hasRoom(bytes)) {
      onReply(notSent);
      return false;
    }
    const open = { request, bytes, deadlineMs, onReply, joined: undefined, isUnderWay: false };
    this.#open.set(id, open);
    if (isClockQuery) this.#clockQuery = open;
    this.#bytes += bytes;
    this.#queue.push(id);
    return true;
  }

  /**
   * Takes the next frame's worth off the queue, each request with the time it has left; those
   * whose time is over end unsent.
   *
   * @returns no requests when the queue is empty.
   */
  takeFrame(nowMs: number): readonly LinkRequest[] {
    this.#clockQuery = undefined;
    const frame: LinkRequest[] = [];
    const overdue: number[] = [];
    let bytes = 0;
    let taken = 0;
    for (const id of this.#queue) {
      const open = this.#open.get(id);
      if (open !== undefined) {
        const timeoutMs = Math.floor(open.deadlineMs - nowMs);
        if (timeoutMs <= 0) overdue.push(id);
        else {
          if (frame.length > 0 && bytes + open.bytes > frameBytesMax) break;
          bytes += open.bytes;
          open.isUnderWay = true;
          frame.push({ id, timeoutMs, request: open.request });
        }
      }
      taken++;
    }
    this.#queue.splice(0, taken);
    for (const id of overdue) this.end(id, notSent);
    return frame;
  }

  /** Ends a request with its reply; an id that is not open is left alone. */
  end(id: number, reply: ReplicaReply): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    if (this.#clockQuery === open) this.#clockQuery = undefined;
    this.#bytes -= open.bytes;
    open.onReply(reply);
    if (open.joined !== undefined) for (const onReply of open.joined) onReply(reply);
  }

  /** Ends the requests whose deadline has passed. */
  endOverdue(nowMs: number): void {
    for (const [id, open] of this.#open.entries()) {
      if (open.deadlineMs > nowMs) continue;
      this.end(id, open.isUnderWay ? { outcome: 'unknown', reason: 'timed-out' } : notSent);
    }
  }

  /** Ends all: the stream is gone. */
  endAll(): void {
    this.#queue = [];
    for (const [id, { isUnderWay }] of this.#open.entries()) {
      this.end(id, isUnderWay ? { outcome: 'unknown', reason: 'link-broken' } : notSent);
    }
  }
}

const noKey = new Uint8Array();

function requestBytes(request: ReplicaRequest): number {
  if ('compared' in request) {
    return request.compared.reduce((bytes, { key }) => bytes + recordBytes(key, undefined), 0);
  }
  return recordBytes(
    'key' in request ? request.key : noKey,
    'record' in request ? request.record : undefined,
  );
}
