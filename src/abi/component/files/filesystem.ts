/**
 * `wasi:filesystem` 0.2: the files that programs of WASI preview1 have, by the same rules (paths
 * stay below the directory that they begin in, the site's folder is only read). A handler of
 * requests has the folder where its owner grants files of it by name, else nothing.
 */
import { noBytes } from '../../../http/body.ts';
import { type HostFunction, type HostInterface, prompt, waiting } from '../functions.ts';
import { ok, type Variant } from '../results.ts';
import { InputStream, type IoError, OutputStream } from '../streams.ts';
import { filesystemPreopens, filesystemTypes } from '../wit/filesystem.ts';
import { type FileAct, fileActs, isSame } from './acts.ts';
import {
  type Descriptor,
  EntryStream,
  preopenedDirectories,
  requireOffset,
  statOf,
} from './descriptor.ts';
import { fileErrorOf, trying } from './error-code.ts';
import { FileSink, FileSource } from './streams.ts';

const readBytesMax = 64 * 1024;

/** The bytes, and whether they are the last. */
async function read(
  { readable }: Descriptor,
  length: bigint,
  offset: bigint,
): Promise<readonly [Uint8Array, boolean]> {
  const wanted = length < readBytesMax ? Number(length) : readBytesMax;
  const bytes = wanted === 0 ? noBytes : await readable.read(requireOffset(offset), wanted);
  return [bytes, wanted > 0 && bytes.length === 0];
}

/** Methods which answer `result<…, error-code>` of what they give. */
function methods(acts: Readonly<Record<string, FileAct>>): Readonly<Record<string, HostFunction>> {
  return Object.fromEntries(
    Object.entries(acts).map(([name, act]) => {
      const call = (descriptor: Descriptor, ...args: never[]): Promise<Variant> =>
        trying(() => act(descriptor, ...args));
      return [`[method]descriptor.${name}`, waiting(() => call)];
    }),
  );
}

/** What 0.3 has in another form. */
const ownActs: Readonly<Record<string, FileAct>> = {
  'read-via-stream': (descriptor, offset: bigint) =>
    new InputStream(new FileSource(descriptor.readable, requireOffset(offset))),
  'write-via-stream': (descriptor, offset: bigint) =>
    new OutputStream(new FileSink(descriptor.writable, requireOffset(offset))),
  'append-via-stream': (descriptor) =>
    new OutputStream(new FileSink(descriptor.writable, undefined)),
  'get-type': (descriptor) => descriptor.type,
  read,
  write: (descriptor, bytes: Uint8Array, offset: bigint) => {
    descriptor.writable.write(requireOffset(offset), bytes);
    return BigInt(bytes.length);
  },
  stat: async (descriptor) => statOf(await descriptor.facts()),
  'stat-at': async (descriptor, flags: number, path: string) =>
    statOf(await (await descriptor.nodeAt(flags, path)).facts()),
};

export const filesystemInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:filesystem/types@0.2.0',
    text: filesystemTypes,
    functions: {
      ...methods(fileActs),
      ...methods(ownActs),
      '[method]descriptor.read-directory': waiting((guest) => (descriptor: Descriptor) => {
        const { held } = guest.run;
        return trying(async () => new EntryStream(await descriptor.directory.list(), held));
      }),
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
      'get-directories': prompt((guest) => () => preopenedDirectories(guest)),
    },
  },
];
