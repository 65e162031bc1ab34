/**
 * Edge: small files of the state directory, read at once. It lies on a disk of this machine, and
 * what is read has been there since the start: 10 to 20 µs, where each of the thread pool’s turns
 * that reading takes otherwise costs its caller 100 µs and more. Not for many in a row: nothing
 * else is done meanwhile.
 */
import { readFileSync, statSync } from 'node:fs';
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import { fileErrorCode } from './durable.ts';

/**
 * The text of a file; undefined when there is none.
 *
 * @throws the file system's own error; TerrafirmaError('state') for a file over `bytesMax`
 */
export function readTextNow(path: string, bytesMax: number): string | undefined {
  try {
    const { size } = statSync(path);
    if (size <= bytesMax) return readFileSync(path, 'utf8');
    const rule = `a file of its kind has at most ${inBytes(bytesMax)}`;
    throw new TerrafirmaError('state', `Cannot read ${path}: ${rule}: received ${size}`);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
