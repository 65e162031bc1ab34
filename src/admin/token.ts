/** The token of the admin listener: a file that only the daemon's user can read. Touches it. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerrafirmaError } from '../errors.ts';

const tokenBytes = 32;
const tokenCharsMin = 32;
const fileBytesMax = 4_096;
const othersMask = 0o077;

export function tokenPath(stateDirectory: string): string {
  return join(stateDirectory, 'admin.token');
}

/**
 * The token in `file`, which must be there, or in the state directory, where it is made.
 *
 * @throws TerrafirmaError `config`.
 */
export function openToken(file: string | undefined, stateDirectory: string): string {
  if (file !== undefined) return readToken(file);
  const own = tokenPath(stateDirectory);
  try {
    const made = randomBytes(tokenBytes).toString('base64url');
    writeFileSync(own, `${made}\n`, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(own, error);
    return readToken(own);
  }
}

/** @throws TerrafirmaError `config`. */
export function readToken(file: string): string {
  let token: string;
  try {
    const { mode, size } = statSync(file);
    if (size > fileBytesMax) throw new Error(`it must have at most ${fileBytesMax} bytes`);
    if ((mode & othersMask) !== 0) throw new Error('only its owner may be able to read it (0600)');
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw unusable(file, error);
  }
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= tokenCharsMin) return token;
  throw unusable(file, new Error(`it must hold ${tokenCharsMin} or more printable characters`));
}

function unusable(file: string, cause: unknown): TerrafirmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TerrafirmaError('config', `Cannot use the admin token in ${file}: ${reason}`, {
    cause,
  });
}
