/**
 * One daemon per state directory. The lock is SQLite's lock on a file of its own: the system takes
 * it back when the process ends in whatever way, so a killed daemon leaves nothing to clean up.
 */
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
  try {
    makeDirectory(stateDirectory);
    database = new DatabaseSync(join(stateDirectory, 'lock.sqlite'));
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE;');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    throw explain(error, stateDirectory);
  }
  const held = database;
  return { release: () => held.close() };
}

function explain(error: unknown, stateDirectory: string): TerrafirmaError {
  if (describeError(error).includes('locked')) {
    return new TerrafirmaError(
      'start',
      `Cannot start: another daemon uses the state directory: received ${stateDirectory}; ` +
        'stop it, or give this one another directory with --state',
      { cause: error },
    );
  }
  return new TerrafirmaError(
    'state',
    'Cannot use the state directory: it must be a writable directory: received ' +
      `${stateDirectory}: ${describeReason(error)}; run as the user who owns it, or name another ` +
      'with --state',
    { cause: error },
  );
}

function describeReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
