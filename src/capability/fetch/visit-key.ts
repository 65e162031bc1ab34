/** Edge: the key that an installation signs visits with (`visits.ts`), kept for good. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, TerrafirmaError } from '../../errors.ts';

const fileName = 'visit.key';
const keyBytes = 32;

/**
 * The key in the state directory, made where there is none. Daemons that shall believe each other
 * share the file. The state directory must be locked.
 *
 * @throws TerrafirmaError `state`.
 */
export function openVisitKey(stateDirectory: string): Uint8Array {
  const path = join(stateDirectory, fileName);
  try {
    const kept = readIfThere(path);
    // A file that was cut short by a power cut says nothing: nobody misses the old key.
    if (kept?.length === keyBytes) return kept;
    const made = randomBytes(keyBytes);
    writeFileSync(path, made, { mode: 0o600, flush: true });
    return new Uint8Array(made);
  } catch (error) {
    const detail = `Cannot use the state directory: ${path} must be a file: received `;
    throw new TerrafirmaError('state', detail + describeError(error), { cause: error });
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
