/**
 * Edge: the files that a folder's `fastly.toml` names, read below the folder and nowhere else. They
 * are read anew when one of them, or the file that names them, has changed.
 */
import { join } from 'node:path';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import { lineOf, scanTomlLines } from '../../config/toml-lines.ts';
import { quoteReceived } from '../../names.ts';
import {
  errnoOf,
  FileTooLargeError,
  type GuardedFs,
  isPassing,
  type ReadFile,
  readWhole,
} from '../../outside/mount/guarded-fs.ts';
import { isAbsent, liesInside } from '../../outside/mount/open-inside.ts';
import { badFastlyToml, fastlyName, type LocalServer } from '../../site/fastly/fastly-toml.ts';
import {
  type FastlySettings,
  type ReadVariable,
  resolveLocalServer,
} from '../../site/fastly/resolve.ts';
import type { FileSource } from '../../site/fastly/sources.ts';
import { faultsToldMax, joinFaults } from '../../site/settings/fault.ts';

export interface FastlyFilesPlace {
  readonly fs: GuardedFs;
  /** Real path of the folder. */
  readonly directory: string;
  readonly limits: Pick<Limits, 'fastlyFilesBytesMax'>;
  readonly variable: ReadVariable;
}

export interface FastlyFile {
  readonly local: LocalServer;
  /** Of the `fastly.toml`, for the lines of what is wrong. */
  readonly text: string;
}

export interface ResolvedFastly {
  readonly settings: FastlySettings;
  /** Paths of all files that were read, in the folder. */
  readonly paths: readonly string[];
  /** What they hold. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const filesMax = 1_000;

/** Who wants to know of each file. */
export interface FileListener {
  /** It is about to be read. */
  onNeeded(path: string): void;
  /** Whether what was read counts: it may still be on its way. */
  takes(path: string, read: ReadFile): boolean;
}

const nobody: FileListener = { onNeeded: () => undefined, takes: () => true };

/**
 * Reads what is needed. Undefined, and nothing more is read, where the listener does not take one.
 *
 * @throws TerrafirmaError `bad-settings`; what says that the mount is away
 */
export async function resolveFastly(
  file: FastlyFile,
  place: FastlyFilesPlace,
  listener: FileListener = nobody,
): Promise<ResolvedFastly | undefined> {
  const files = new Map<string, Uint8Array>();
  const bytesMax = place.limits.fastlyFilesBytesMax;
  let bytesLeft = bytesMax;
  for (;;) {
    const { variable } = place;
    const resolution = resolveLocalServer(file.local, { files, variable, bytesMax });
    if (resolution.kind === 'resolved') {
      return { settings: resolution.settings, paths: [...files.keys()], files };
    }
    const faults: string[] = [];
    for (const source of resolution.files) {
      if (files.size >= filesMax) {
        const rule = `the file may name at most ${filesMax} files`;
        throw badFastlyToml(tellFault(source, file, rule, 'one more'));
      }
      listener.onNeeded(source.path);
      const read = await readNamed(source, file, { ...place, bytesLeft });
      if (typeof read === 'string') {
        faults.push(read);
        if (faults.length > faultsToldMax) break;
        continue;
      }
      if (!listener.takes(source.path, read)) return undefined;
      bytesLeft -= read.bytes.length;
      files.set(source.path, read.bytes);
    }
    if (faults.length > 0) throw badFastlyToml(joinFaults(faults));
  }
}

/** What it holds, or what is wrong with it. @throws what says that the mount is away */
async function readNamed(
  source: FileSource,
  file: FastlyFile,
  place: FastlyFilesPlace & { readonly bytesLeft: number },
): Promise<ReadFile | string> {
  const { fs, directory, bytesLeft, limits } = place;
  const path = join(directory, source.path);
  try {
    await using open = await fs.open(path);
    if (!(await liesInside(fs, open, { directory, path }))) {
      return tellFault(source, file, 'a file must lie in the folder', 'a link that leads out');
    }
    if (!(await open.stat()).isFile()) {
      return tellFault(source, file, 'it must be a regular file', quoteReceived(source.path));
    }
    return await readWhole(open, bytesLeft);
  } catch (error) {
    if (error instanceof FileTooLargeError) {
      const most = inBytes(limits.fastlyFilesBytesMax);
      return tellFault(source, file, `all its files have at most ${most}`, 'more');
    }
    if (isPassing(error) || (errnoOf(error) === undefined && !isAbsent(error))) throw error;
    if (isAbsent(error)) await fs.requireDirectory(directory);
    return tellFault(source, file, 'the file must be there', quoteReceived(source.path));
  }
}

function tellFault(
  source: FileSource,
  { text }: FastlyFile,
  rule: string,
  received: string,
): string {
  // One that is named in a JSON file has its place there.
  const isHere = source.place[0] === 'local_server';
  const line = isHere ? `:${lineOf(scanTomlLines(text), source.place)}` : '';
  return `${fastlyName}${line}: ${rule}: received ${received}`;
}
