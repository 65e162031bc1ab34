/**
 * Where the state of a served folder lies when nobody names a place: below the usual one, so that
 * several folders can be served side by side, and none sees what another has stored. Pure.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';

const hashDigits = 16;

/** `folder`: its absolute path. */
export function stateOfFolder(stateDirectory: string, folder: string): string {
  const hash = createHash('sha256').update(folder).digest('hex');
  return path.join(localStatesOf(stateDirectory), hash.slice(0, hashDigits));
}

/** What holds the states of all folders that are served by their path. */
export function localStatesOf(stateDirectory: string): string {
  return path.join(stateDirectory, 'local');
}
