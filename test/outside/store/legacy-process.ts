/**
 * A process that takes over what an earlier release left, and is held up in the middle: after the
 * copy and before its commit. Whoever started it kills it there. Edge: standard output.
 */
import { writeSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { copyKeyValue } from '../../../src/outside/store/legacy-kv.ts';
import { openDatabase, storePath } from '../../../src/outside/store/sqlite-schema.ts';

const [directory = ''] = process.argv.slice(2);
const database: DatabaseSync = openDatabase(storePath(directory));
database.prepare('ATTACH DATABASE ? AS old').run(`${directory}/kv.sqlite`);
// Pages leave for the journal while the copy goes on, without its commit.
database.exec('PRAGMA cache_size = 10; BEGIN IMMEDIATE');
copyKeyValue(database);
writeSync(1, 'copying\n');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
