/** Edge: the key that an installation signs visits with (`visits.ts`), kept for good. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, TerrafirmaError } from '../../errors.ts';
import { parseSealKeys } from '../../outside/store/sealing-store.ts';

const fileName = 'visit.key';
const keyBytes = 32;
/** What the key of an installation is derived for (RFC 5869, section 3.2). */
const purpose = 'terrafirma visits';

export interface VisitKeyPlace {
  /** Must be locked. */
  readonly stateDirectory: string;
  /** What all nodes of one installation have, and nobody else. */
  readonly sealKeyFile: string | undefined;
}

/**
 * Nodes of one installation derive theirs from what they share, and so believe each other. Else it
 * is that in the state directory, made where there is none; daemons that shall believe each other
 * share the file.
 *
 * @throws TerrafirmaError `state`.
 */
export function openVisitKey({ stateDirectory, sealKeyFile }: VisitKeyPlace): Uint8Array {
  return sealKeyFile === undefined ? openKept(stateDirectory) : deriveFrom(sealKeyFile);
}

function deriveFrom(sealKeyFile: string): Uint8Array {
  try {
    const [key] = parseSealKeys(readFileSync(sealKeyFile, 'utf8'));
    return new Uint8Array(hkdfSync('sha256', key ?? '', '', purpose, keyBytes));
  } catch (error) {
    const detail = 'Cannot derive the key of visits: cluster.seal_key_file must be one: received ';
    throw new TerrafirmaError('state', detail + describeError(error), { cause: error });
  }
}

function openKept(stateDirectory: string): Uint8Array {
  const path = join(stateDirectory, fileName);
  try {
    const kept = readIfThere(path);
    // A file that was cut short by a power cut says nothing: nobody misses the old key.
    if (kept?.length === keyBytes) return kept;
    const made = randomBytes(keyBytes);
    writeFileSync(path, made, { mode: 0o600, flush: true });
    return new Uint8Array(made);
  } catch (error) {
    const rule = `Cannot use the state directory: ${path} must be a file`;
    const detail = `${rule}: received ${describeError(error)}; put it right, or move it away`;
    throw new TerrafirmaError('state', detail, { cause: error });
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
