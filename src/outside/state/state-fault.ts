/** Files of the state directory that are not as a daemon made them. Pure. */
import { TerrafirmaError } from '../../errors.ts';

/**
 * An error of the file system at a file of the state, as a sentence that names the file: a bare
 * `EISDIR` tells nobody what to look at. Every other error stays what it is.
 */
export function asStateFault(error: unknown, stateDirectory: string): unknown {
  if (error instanceof TerrafirmaError || !(error instanceof Error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined) return error;
  const isInside = path === stateDirectory || path.startsWith(`${stateDirectory}/`);
  if (!isInside) return error;
  const rule = 'its files must be as a daemon made them, and its own';
  const detail = `Cannot use the state directory: ${rule}: received ${code} at ${path}`;
  return new TerrafirmaError('state', `${detail}; put it right, or move it away`, { cause: error });
}
