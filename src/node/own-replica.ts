import type { ReplicaClient } from '../coordinator/ports.ts';
import type { ReplicaService } from '../links/peer-session.ts';
import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';

/**
 * The node's own replica, asked without a link. What it can tell is told at once; stores wait for
 * the others that follow from the same message, since many together cost far less than each alone.
 */
export class OwnReplica implements ReplicaClient {
  readonly #service: ReplicaService;
  #stores: ReplicaRequest[] = [];
  #onReplies: ((reply: ReplicaReply) => void)[] = [];

  constructor(service: ReplicaService) {
    this.#service = service;
  }

  hasRoom(): boolean {
    return true;
  }

  send(request: ReplicaRequest, _deadlineMs: number, onReply: (reply: ReplicaReply) => void): void {
    if (!('record' in request)) {
      this.#service.handle([request], (_index, reply) => onReply(reply));
      return;
    }
    this.#stores.push(request);
    this.#onReplies.push(onReply);
    if (this.#stores.length === 1) void Promise.resolve().then(() => this.#store());
  }

  #store(): void {
    const stores = this.#stores;
    const onReplies = this.#onReplies;
    this.#stores = [];
    this.#onReplies = [];
    this.#service.handle(stores, (index, reply) => onReplies[index]?.(reply));
  }
}
