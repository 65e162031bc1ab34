/**
 * `wasi:filesystem` 0.2: the files that programs of WASI preview1 have, by the same rules (paths
 * stay below the directory that they begin in, the site's folder is only read). A handler of
 * requests has the folder where its owner grants files of it by name, else nothing.
 */
import { noBytes } from '../../../http/body.ts';
import { WasiError } from '../../objects/files/errno.ts';
import { requireEntry, requireLinkable, requireNewName } from '../../objects/files/found.ts';
import { type HostFunction, type HostInterface, prompt, waiting } from '../functions.ts';
import { ok, type Variant } from '../results.ts';
import { InputStream, type IoError, OutputStream } from '../streams.ts';
import { filesystemPreopens, filesystemTypes } from '../wit/filesystem.ts';
import {
  Descriptor,
  EntryStream,
  hashOf,
  type OpenAtAsked,
  statOf,
  timesOf,
} from './descriptor.ts';
import { fileErrorOf, trying } from './error-code.ts';
import { FileSink, FileSource } from './streams.ts';

const readBytesMax = 64 * 1024;

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
  requireEntry(found);
  await found.parent.removeDirectory(found.name);
}

async function unlink(below: Descriptor, path: string): Promise<undefined> {
  const found = await below.find(path, 'change');
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

/** The bytes, and whether they are the last. */
async function read(
  { readable }: Descriptor,
  length: bigint,
  offset: bigint,
): Promise<readonly [Uint8Array, boolean]> {
  const wanted = length < readBytesMax ? Number(length) : readBytesMax;
  const bytes = wanted === 0 ? noBytes : await readable.read(offset, wanted);
  return [bytes, wanted > 0 && bytes.length === 0];
}

async function isSame(one: Descriptor, other: Descriptor): Promise<boolean> {
  if (one.node.device !== other.node.device) return false;
  const [mine, theirs] = [await one.facts(), await other.facts()];
  return mine.inode === theirs.inode && mine.filetype === theirs.filetype;
}

/** The method `name`, which answers `result<…, error-code>` of what `act` gives. */
function method(
  name: string,
  act: (descriptor: Descriptor, ...args: never[]) => unknown,
): Readonly<Record<string, HostFunction>> {
  const call = (descriptor: Descriptor, ...args: never[]): Promise<Variant> =>
    trying(() => act(descriptor, ...args));
  return { [`[method]descriptor.${name}`]: waiting(() => call) };
}

const fileMethods: Readonly<Record<string, HostFunction>> = {
  ...method(
    'read-via-stream',
    (descriptor, offset: bigint) => new InputStream(new FileSource(descriptor.readable, offset)),
  ),
  ...method(
    'write-via-stream',
    (descriptor, offset: bigint) => new OutputStream(new FileSink(descriptor.writable, offset)),
  ),
  ...method(
    'append-via-stream',
    (descriptor) => new OutputStream(new FileSink(descriptor.writable, undefined)),
  ),
  ...method('advise', (descriptor) => void descriptor.file),
  ...method(
    'sync-data',
    (descriptor) => descriptor.opened.kind === 'file' && descriptor.opened.file.sync?.(),
  ),
  ...method(
    'sync',
    (descriptor) => descriptor.opened.kind === 'file' && descriptor.opened.file.sync?.(),
  ),
  ...method('get-flags', (descriptor) => descriptor.flags),
  ...method('get-type', (descriptor) => descriptor.type),
  ...method('set-size', (descriptor, size: bigint) => descriptor.writable.resize(size)),
  ...method('read', read),
  ...method('write', (descriptor, bytes: Uint8Array, offset: bigint) => {
    descriptor.writable.write(offset, bytes);
    return BigInt(bytes.length);
  }),
  ...method('stat', async (descriptor) => statOf(await descriptor.facts())),
  ...method('metadata-hash', (descriptor) => hashOf(descriptor.node)),
};

const directoryMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.read-directory': waiting((guest) => (descriptor: Descriptor) => {
    const { held } = guest.run;
    return trying(async () => new EntryStream(await descriptor.directory.list(), held));
  }),
  ...method('create-directory-at', createDirectory),
  ...method('stat-at', async (descriptor, flags: number, path: string) =>
    statOf(await (await descriptor.nodeAt(flags, path)).facts()),
  ),
  ...method('link-at', (from, flags: number, path: string, descriptor: Descriptor, to: string) =>
    link(from, { flags, path }, { descriptor, path: to }),
  ),
  ...method(
    'open-at',
    (descriptor, ...[pathFlags, path, openFlags, flags]: [number, string, number, number]) =>
      descriptor.open({ pathFlags, path, openFlags, flags } satisfies OpenAtAsked),
  ),
  ...method('readlink-at', readLink),
  ...method('remove-directory-at', removeDirectory),
  ...method('rename-at', (from, path: string, descriptor: Descriptor, to: string) =>
    rename(from, path, { descriptor, path: to }),
  ),
  ...method('symlink-at', symlink),
  ...method('unlink-file-at', unlink),
  ...method('metadata-hash-at', async (descriptor, flags: number, path: string) =>
    hashOf(await descriptor.nodeAt(flags, path)),
  ),
};

const timeMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.set-times': waiting(
    (guest) => (descriptor: Descriptor, accessed: Variant, modified: Variant) =>
      trying(() => descriptor.node.setTimes(timesOf(guest, accessed, modified))),
  ),
  '[method]descriptor.set-times-at': waiting(
    (guest) =>
      (...args: [Descriptor, number, string, Variant, Variant]) => {
        const [descriptor, flags, path, accessed, modified] = args;
        return trying(async () => {
          const node = await descriptor.nodeAt(flags, path);
          await node.setTimes(timesOf(guest, accessed, modified));
        });
      },
  ),
};

export const filesystemInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:filesystem/types@0.2.0',
    text: filesystemTypes,
    functions: {
      ...fileMethods,
      ...directoryMethods,
      ...timeMethods,
      '[method]descriptor.is-same-object': waiting(
        () => (one: Descriptor, other: Descriptor) => isSame(one, other),
      ),
      '[method]directory-entry-stream.read-directory-entry': prompt(
        () => (stream: EntryStream) => ok(stream.next()),
      ),
      'filesystem-error-code': prompt(
        () =>
          ({ error }: IoError) =>
            fileErrorOf(error),
      ),
    },
  },
  {
    name: 'wasi:filesystem/preopens@0.2.0',
    text: filesystemPreopens,
    functions: {
      'get-directories': prompt(
        (guest) => () =>
          guest.run
            .openDirectories()
            .map(({ name, directory }) => [
              new Descriptor(guest, { kind: 'directory', node: directory }),
              name,
            ]),
      ),
    },
  },
];
