import { BinaryReader } from '@bufbuild/protobuf/wire';
import { nodeNameAt } from '../record/node-names.ts';

/** Reads the messages of peers. */
export class PeerReader extends BinaryReader {
  readonly #message: Buffer;

  constructor(message: Buffer) {
    super(message);
    this.#message = message;
  }

  /** Reads a text that is the name of a node. */
  nodeName(): string {
    const length = this.uint32();
    const start = this.pos;
    this.pos += length;
    if (this.pos > this.len) throw new RangeError('a name that ends outside its message');
    return nodeNameAt(this.#message, start, this.pos);
  }
}
