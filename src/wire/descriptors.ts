import { BinaryReader } from '@bufbuild/protobuf/wire';
import { fileDescriptorSetBase64 } from '../../generated/descriptor-set.ts';

/** The encoded FileDescriptorSet of all contracts, imports and comments included. */
export function fileDescriptorSet(): Buffer {
  return Buffer.from(fileDescriptorSetBase64, 'base64');
}

/** The encoded file descriptors, one by one, exactly as buf wrote them. */
export function fileDescriptors(): readonly Buffer[] {
  const reader = new BinaryReader(fileDescriptorSet());
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    reader.tag();
    files.push(Buffer.from(reader.bytes()));
  }
  return files;
}
