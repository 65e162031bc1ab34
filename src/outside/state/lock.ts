/**
 * One daemon per state directory. The lock is SQLite's lock on a file of its own: the system takes
 * it back when the process ends in whatever way, so a killed daemon leaves nothing to clean up.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describeError, TerrafirmaError } from '../../errors.ts';
import { makeDirectory } from './make-directory.ts';

export interface StateLock {
  release(): void;
}

/**
 * Makes the state directory (0700) where it is missing and locks it.
 *
 * @throws TerrafirmaError `start` when another daemon has it, `state` when it cannot be used.
 */
export function lockState(stateDirectory: string): StateLock {
  let database: DatabaseSync | undefined;
  const file = join(stateDirectory, 'lock.sqlite');
  try {
    makeDirectory(stateDirectory);
    database = new DatabaseSync(file);
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE;');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    throw explain(error, stateDirectory, file);
  }
  const held = database;
  return { release: () => held.close() };
}

function explain(error: unknown, stateDirectory: string, file: string): TerrafirmaError {
  if (describeError(error).includes('locked')) {
    return new TerrafirmaError(
      'start',
      `Cannot start: another daemon uses the state directory: received ${stateDirectory}; ` +
        'stop it, or give this one another directory with --state',
      { cause: error },
    );
  }
  // Nothing is in it but the lock.
  if (isThere(file)) {
    const detail =
      `Cannot use the state directory: ${file} must be a file as a daemon made it: received ` +
      `${describeReason(error)}; run as the user who owns it, or move it away`;
    return new TerrafirmaError('state', detail, { cause: error });
  }
  return new TerrafirmaError(
    'state',
    'Cannot use the state directory: it must be a writable directory: received ' +
      `${stateDirectory}: ${describeReason(error)}; run as the user who owns it, or name another ` +
      'with --state',
    { cause: error },
  );
}

function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // What should be its directory is none.
    return false;
  }
}

function describeReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
