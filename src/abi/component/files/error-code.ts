/** Errors of `wasi:filesystem`: what a tree of files throws → what the guest is told. */
import { TerrafirmaError } from '../../../errors.ts';
import { type ErrnoName, errno, WasiError } from '../../objects/files/errno.ts';
import { failed, ok, type Variant } from '../results.ts';
import { filesystemErrors } from '../wit/filesystem.ts';
import { filesystemErrors03 } from '../wit/filesystem03.ts';

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

const labels: ReadonlyMap<number, string> = new Map(
  Object.entries(ofErrno).map(([name, label]) => [errno[name as ErrnoName], label]),
);

/** Undefined where it is no error of files. */
function labelOf(error: unknown): string | undefined {
  // The folder's mount does not answer: for the guest a broken disk.
  const isAway = error instanceof TerrafirmaError && error.code === 'folder-unreachable';
  if (isAway) return 'io';
  if (!(error instanceof WasiError)) return undefined;
  return labels.get(error.errno) ?? 'io';
}

/** `error-code` of 0.2; undefined where it is no error of files. */
export function fileErrorOf(error: unknown): number | undefined {
  const label = labelOf(error);
  return label === undefined ? undefined : filesystemErrors.indexOf(label);
}

/** `error-code` of 0.3; undefined where it is no error of files. */
export function fileErrorOf03(error: unknown): Variant | undefined {
  const label = labelOf(error);
  return label === undefined ? undefined : errorCode03(label);
}

export function errorCode03(label: string): Variant {
  const tag = filesystemErrors03.indexOf(label);
  if (tag !== -1) return { tag, value: undefined };
  return { tag: filesystemErrors03.length, value: label };
}

/** What a stream of bytes broke off with: anything else than an error of files is a broken disk. */
export function streamErrorOf03(error: unknown): Variant {
  return fileErrorOf03(error) ?? errorCode03('io');
}

/** `result<…, error-code>` of what `act` gives. */
export async function trying(
  act: () => unknown,
  codeOf: (error: unknown) => unknown = fileErrorOf,
): Promise<Variant> {
  try {
    return ok(await act());
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return failed(code);
  }
}
