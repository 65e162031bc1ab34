/**
 * What `wasi:filesystem` does with descriptors, the same in 0.2 and 0.3: paths stay below the
 * directory that they begin in, and what is read only stays so.
 */
import { WasiError } from '../../objects/files/errno.ts';
import { requireEntry, requireLinkable, requireNewName } from '../../objects/files/found.ts';
import type { Variant } from '../results.ts';
import { type Descriptor, hashOf, type OpenAtAsked, requireOffset } from './descriptor.ts';

/** Gives what the method's `result` has where it is good. @throws WasiError */
export type FileAct = (descriptor: Descriptor, ...args: never[]) => unknown;

/** Links that are to be followed first are refused: no system agrees with another on it. */
async function link(
  from: Descriptor,
  asked: { readonly flags: number; readonly path: string },
  to: { readonly descriptor: Descriptor; readonly path: string },
): Promise<undefined> {
  if (asked.flags !== 0) throw new WasiError('inval');
  const node = requireLinkable(await from.find(asked.path, 'change'));
  const found = await to.descriptor.find(to.path, 'change');
  requireNewName(found);
  found.parent.link(found.name, node);
}

async function rename(
  from: Descriptor,
  path: string,
  to: { readonly descriptor: Descriptor; readonly path: string },
): Promise<undefined> {
  const source = await from.find(path, 'change');
  const target = await to.descriptor.find(to.path, 'change');
  const node = requireEntry(source);
  if (target.name === '.') throw new WasiError('busy');
  const mustBeDirectory = source.mustBeDirectory || target.mustBeDirectory;
  if (mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
  await source.parent.rename(source.name, target.parent, target.name);
}

async function symlink(below: Descriptor, target: string, path: string): Promise<undefined> {
  if (target === '') throw new WasiError('noent');
  if (target.includes('\0')) throw new WasiError('inval');
  if (target.startsWith('/')) throw new WasiError('notcapable');
  const found = await below.find(path, 'change');
  requireNewName(found);
  found.parent.createSymlink(found.name, target);
}

async function createDirectory(below: Descriptor, path: string): Promise<undefined> {
  const found = await below.find(path, 'change');
  if (found.node !== undefined) throw new WasiError('exist');
  await found.parent.createDirectory(found.name);
}

async function removeDirectory(below: Descriptor, path: string): Promise<undefined> {
  const found = await below.find(path, 'change');
  // A slash behind a link means what it leads to, which may not be outside.
  if (found.mustBeDirectory && found.node?.kind === 'symlink') await below.find(path, 'look');
  requireEntry(found);
  await found.parent.removeDirectory(found.name);
}

async function unlink(below: Descriptor, path: string): Promise<undefined> {
  const found = await below.find(path, 'change');
  if (found.name === '.') throw new WasiError('isdir');
  const node = requireEntry(found);
  if (found.mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
  await found.parent.unlink(found.name);
}

async function readLink(below: Descriptor, path: string): Promise<string> {
  const { node } = await below.find(path, 'look');
  if (node === undefined) throw new WasiError('noent');
  if (node.kind !== 'symlink') throw new WasiError('inval');
  return node.target;
}

export async function isSame(one: Descriptor, other: Descriptor): Promise<boolean> {
  if (one.node.device !== other.node.device) return false;
  const [mine, theirs] = [await one.facts(), await other.facts()];
  return mine.inode === theirs.inode && mine.filetype === theirs.filetype;
}

async function sync({ opened }: Descriptor): Promise<undefined> {
  if (opened.kind === 'file') await opened.file.sync?.();
}

const nodeActs: Readonly<Record<string, FileAct>> = {
  advise: ({ opened }) => {
    if (opened.kind === 'directory') throw new WasiError('badf');
  },
  'sync-data': sync,
  sync,
  'get-flags': (descriptor) => descriptor.flags,
  'set-size': (descriptor, size: bigint) => descriptor.writable.resize(requireOffset(size)),
  'set-times': (descriptor, accessed: Variant, modified: Variant) =>
    descriptor.setTimes(descriptor.node, accessed, modified),
  'metadata-hash': (descriptor) => hashOf(descriptor.node),
};

const pathActs: Readonly<Record<string, FileAct>> = {
  'create-directory-at': createDirectory,
  'link-at': (from, flags: number, path: string, descriptor: Descriptor, to: string) =>
    link(from, { flags, path }, { descriptor, path: to }),
  'open-at': (
    descriptor,
    ...[pathFlags, path, openFlags, flags]: [number, string, number, number]
  ) => descriptor.open({ pathFlags, path, openFlags, flags } satisfies OpenAtAsked),
  'readlink-at': readLink,
  'remove-directory-at': removeDirectory,
  'rename-at': (from, path: string, descriptor: Descriptor, to: string) =>
    rename(from, path, { descriptor, path: to }),
  'symlink-at': symlink,
  'unlink-file-at': unlink,
  'set-times-at': async (
    descriptor,
    ...[flags, path, accessed, modified]: [number, string, Variant, Variant]
  ) => await descriptor.setTimes(await descriptor.nodeAt(flags, path), accessed, modified),
  'metadata-hash-at': async (descriptor, flags: number, path: string) =>
    hashOf(await descriptor.nodeAt(flags, path)),
};

/** By the names of methods. */
export const fileActs: Readonly<Record<string, FileAct>> = { ...nodeActs, ...pathActs };
