/** Errors of `wasi:filesystem`: what a tree of files throws → what the guest is told. */
import { TerrafirmaError } from '../../../errors.ts';
import { type ErrnoName, errno, WasiError } from '../../objects/files/errno.ts';
import { failed, ok, type Variant } from '../results.ts';
import { filesystemErrors } from '../wit/filesystem.ts';

const ofErrno: Readonly<Partial<Record<ErrnoName, string>>> = {
  acces: 'access',
  again: 'would-block',
  badf: 'bad-descriptor',
  busy: 'busy',
  exist: 'exist',
  fbig: 'file-too-large',
  ilseq: 'illegal-byte-sequence',
  intr: 'interrupted',
  inval: 'invalid',
  io: 'io',
  isdir: 'is-directory',
  loop: 'loop',
  mfile: 'insufficient-memory',
  mlink: 'too-many-links',
  nametoolong: 'name-too-long',
  noent: 'no-entry',
  nospc: 'insufficient-space',
  nosys: 'unsupported',
  notcapable: 'not-permitted',
  notdir: 'not-directory',
  notempty: 'not-empty',
  notsup: 'unsupported',
  overflow: 'overflow',
  perm: 'not-permitted',
  pipe: 'pipe',
  rofs: 'read-only',
  spipe: 'invalid-seek',
  xdev: 'cross-device',
};

const codes: ReadonlyMap<number, number> = new Map(
  Object.entries(ofErrno).map(([name, label]) => [
    errno[name as ErrnoName],
    filesystemErrors.indexOf(label),
  ]),
);

/** Undefined where it is no error of files. */
export function fileErrorOf(error: unknown): number | undefined {
  // The folder's mount does not answer: for the guest a broken disk.
  const isAway = error instanceof TerrafirmaError && error.code === 'folder-unreachable';
  if (isAway) return codes.get(errno.io);
  if (!(error instanceof WasiError)) return undefined;
  return codes.get(error.errno) ?? codes.get(errno.io);
}

/** `result<…, error-code>` of what `act` gives. */
export async function trying(act: () => unknown): Promise<Variant> {
  try {
    return ok(await act());
  } catch (error) {
    const code = fileErrorOf(error);
    if (code === undefined) throw error;
    return failed(code);
  }
}
