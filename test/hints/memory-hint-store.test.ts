import { MemoryHintStore } from '../../src/hints/memory-hint-store.ts';
import { hintStoreConformance } from '../conformance/hint-store.ts';

hintStoreConformance('MemoryHintStore', ({ limits, ...components }) => {
  return new MemoryHintStore(components, limits);
});
