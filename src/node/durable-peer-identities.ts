import { decodeText, encodeText } from '../base/bytes.ts';
import { metaKeys } from '../data-directory/identity.ts';
import type { PeerIdentities } from '../links/handshake.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { Tables } from '../storage/tables.ts';

/**
 * The data ids of the other nodes, in the table `meta`. While the disk is full they are kept in
 * memory, and are written when it has room again: a peer is not turned away for that.
 */
export class DurablePeerIdentities implements PeerIdentities {
  readonly #tables: Tables;
  readonly #unwritten = new Map<string, string>();

  constructor(tables: Tables) {
    this.#tables = tables;
    tables.onState((state) => {
      if (state === 'open') for (const [node, id] of [...this.#unwritten]) this.remember(node, id);
    });
  }

  dataIdOf(node: string): string | undefined {
    const unwritten = this.#unwritten.get(node);
    if (unwritten !== undefined) return unwritten;
    const bytes = this.#tables.get('meta', keyOf(node));
    return bytes && decodeText(bytes);
  }

  remember(node: string, dataId: string): void {
    try {
      this.#tables.writeNow([{ table: 'meta', key: keyOf(node), value: encodeText(dataId) }]);
      this.#unwritten.delete(node);
    } catch (error: unknown) {
      if (!(error instanceof StorageError)) throw error;
      this.#unwritten.set(node, dataId);
    }
  }
}

function keyOf(node: string): Uint8Array {
  return Buffer.concat([metaKeys.peerPrefix, encodeText(node)]);
}
