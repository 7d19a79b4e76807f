import { join } from 'node:path';
import { after } from 'node:test';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { tablesConformance } from '../conformance/tables.ts';
import { temporaryFolder } from '../support/processes.ts';

const folder = temporaryFolder();
after(folder.remove);

let opened = 0;
const freshPath = () => join(folder.path, `data${opened++}.mdb`);

tablesConformance('LmdbTables', () => new LmdbTables({ clock: new SystemClock() }, freshPath()));
