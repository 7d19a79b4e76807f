import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { storageConformance } from '../conformance/storage.ts';

storageConformance('MemoryStorage', async () => new MemoryStorage());
