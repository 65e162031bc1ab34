/** What a program finds open: the site's folder as `/`, and in it what can be written to. */
import type { Limits } from '../../../config/config.ts';
import { TerrafirmaError } from '../../../errors.ts';
import type { Run } from '../../abi.ts';
import { DataTree } from './data-tree.ts';
import { WasiError } from './errno.ts';
import { createMemoryTree } from './memory-tree.ts';
import type { DirectoryNode } from './node.ts';
import { createSiteTree, type FileKeeper, mountTree } from './site-tree.ts';

export interface Preopen {
  /** The guest's name for it, e.g. `/tmp`. */
  readonly name: string;
  readonly directory: DirectoryNode;
}

/** Made when it is first looked into: C libraries ask each for its name and open nothing. */
export class LazyPreopen implements Preopen {
  readonly name: string;
  readonly #open: () => DirectoryNode;
  #directory: DirectoryNode | undefined;

  constructor(name: string, open: () => DirectoryNode) {
    this.name = name;
    this.#open = open;
  }

  get directory(): DirectoryNode {
    this.#directory ??= this.#open();
    return this.#directory;
  }
}

interface Opening {
  readonly keeper: FileKeeper;
  readonly limits: Limits;
}

type RunWithFiles = Pick<Run, 'capabilities' | 'hostMemory'>;

const tmpName = 'tmp';
const dataName = 'data';
/** Apart from the site's own, whose device is 1. */
const tmpDevice = 2n;
const dataDevice = 3n;

/** `/tmp` is the run's own; `/data` lasts, where the owner gives the program one. */
export function openPreopens(
  run: RunWithFiles,
  opening: Opening,
): { readonly preopens: readonly Preopen[]; readonly data: DataTree | undefined } {
  const data = openData(run, opening.limits);
  const tmp = new LazyPreopen(`/${tmpName}`, () => openTmp(run, opening.limits));
  const root = new LazyPreopen('/', () => {
    const withTmp = mountTree(openSite(run, opening), tmpName, tmp.directory);
    return data === undefined ? withTmp : mountTree(withTmp, dataName, data.root);
  });
  const preopens: Preopen[] = [root, tmp];
  if (data !== undefined) preopens.push({ name: `/${dataName}`, directory: data.root });
  return { preopens, data };
}

/** The same where nothing is opened: their names, in that order. */
export function listPreopens(hasData: boolean): readonly Preopen[] {
  const names = ['/', `/${tmpName}`, ...(hasData ? [`/${dataName}`] : [])];
  return names.map((name) => new LazyPreopen(name, refuseOpening));
}

function refuseOpening(): never {
  throw new TypeError('Cannot open a directory before there is a request');
}

function openTmp({ capabilities, hostMemory }: RunWithFiles, limits: Limits): DirectoryNode {
  return createMemoryTree({
    device: tmpDevice,
    bytesMax: limits.tmpBytesPerRunMax,
    nodesMax: limits.tmpNodesPerRunMax,
    nowNs: () => capabilities.clock.nowNs(),
    hostMemory,
  });
}

/** The site's folder alone, to read. */
export function openSite({ capabilities }: RunWithFiles, opening: Opening): DirectoryNode {
  const { keeper, limits } = opening;
  const { files } = capabilities;
  return createSiteTree({ files, keeper, listedEntriesMax: limits.folderEntriesMax });
}

function openData(
  { capabilities, hostMemory }: RunWithFiles,
  limits: Limits,
): DataTree | undefined {
  const store = capabilities.keyValue.data;
  if (store === undefined) return undefined;
  return new DataTree({
    store,
    device: dataDevice,
    fileBytesMax: limits.kvValueBytesMax,
    bytesMax: limits.tmpBytesPerRunMax,
    pathBytesMax: limits.kvKeyBytesMax,
    nowNs: () => capabilities.clock.nowNs(),
    hostMemory,
  });
}

/** Why files that a program left open in `/data` were not stored. */
export function explainUnsaved(cause: unknown): never {
  if (!(cause instanceof WasiError)) throw cause;
  const rule = 'what it left open in /data must be stored';
  const detail = `Cannot answer for the program: ${rule}: received ${cause.message}`;
  throw new TerrafirmaError('data-not-stored', detail, { cause });
}
