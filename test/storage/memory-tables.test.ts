import { SystemClock } from '../../src/runtime/system-clock.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { tablesConformance } from '../conformance/tables.ts';

tablesConformance('MemoryTables', () => new MemoryTables({ clock: new SystemClock() }));
