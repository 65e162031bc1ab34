/**
 * Edge: open files by their descriptors. What `node:fs/promises` wraps around one costs a serving
 * thread half as much again as the file itself (docs/rationale.md); this is without. Whoever opens
 * closes, and uses no descriptor after that: it may be another file's.
 */
import { type BigIntStats, close, fstat, open, read } from 'node:fs';

type Done<T> = (error: NodeJS.ErrnoException | null, result: T) => void;

function promised<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}

export function openDescriptor(path: string, flags: number): Promise<number> {
  return promised((done) => open(path, flags, done));
}

export function statDescriptor(fd: number): Promise<BigIntStats> {
  return promised((done) => fstat(fd, { bigint: true }, done));
}

/** Fills `target` from `position`; resolves to the bytes read, 0 at the end of the file. */
export function readDescriptor(fd: number, target: Uint8Array, position: number): Promise<number> {
  return promised((done) => read(fd, target, 0, target.length, position, done));
}

export function closeDescriptor(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    close(fd, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
