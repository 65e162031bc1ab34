/** Open descriptors of one run: small numbers, the lowest free one first, as POSIX has it. */

import type { InputStream, OutputStream } from '../objects/cgi/streams.ts';
import { WasiError } from '../objects/files/errno.ts';
import type { DirectoryNode, FileNode, ListedEntry, OpenFile } from '../objects/files/node.ts';
import type { Preopen } from '../objects/files/preopens.ts';
import { directoryRights, inheritedRights } from './layout.ts';

interface Common {
  /** `fdflags` */
  flags: number;
  readonly rightsBase: bigint;
  readonly rightsInheriting: bigint;
}

export interface InputDescriptor extends Common {
  readonly kind: 'input';
  readonly stream: InputStream;
}

export interface OutputDescriptor extends Common {
  readonly kind: 'output';
  readonly stream: OutputStream;
}

export interface FileDescriptor extends Common {
  readonly kind: 'file';
  readonly node: FileNode;
  readonly file: OpenFile;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  position: bigint;
}

export interface DirectoryDescriptor extends Common {
  readonly kind: 'directory';
  readonly node: DirectoryNode;
  /** The guest's name for it where it was open from the start. */
  readonly preopenName: string | undefined;
  /** What the last reading from its beginning saw: cookies count in this. */
  listing: readonly ListedEntry[] | undefined;
}

/** A directory that is open from the start, and made when it is first looked into. */
export class PreopenDescriptor implements DirectoryDescriptor {
  readonly kind = 'directory';
  listing: readonly ListedEntry[] | undefined = undefined;
  flags = 0;
  readonly rightsBase = directoryRights;
  readonly rightsInheriting = inheritedRights;
  readonly #preopen: Preopen;

  constructor(preopen: Preopen) {
    this.#preopen = preopen;
  }

  get preopenName(): string {
    return this.#preopen.name;
  }

  get node(): DirectoryNode {
    return this.#preopen.directory;
  }
}

export type Descriptor = InputDescriptor | OutputDescriptor | FileDescriptor | DirectoryDescriptor;

export class DescriptorTable {
  readonly #descriptorsMax: number;
  /** Index is the number; holes are undefined. */
  readonly #open: (Descriptor | undefined)[];
  #count: number;

  /** @param first Open from the start, and the table's alone: a list of the right length. */
  constructor(descriptorsMax: number, first: Descriptor[]) {
    this.#descriptorsMax = descriptorsMax;
    this.#open = first;
    this.#count = first.length;
  }

  get size(): number {
    return this.#count;
  }

  /** @throws WasiError `mfile` when one more would be too many: ask before work is done */
  requireRoom(): void {
    if (this.#count >= this.#descriptorsMax) throw new WasiError('mfile');
  }

  /**
   * The number of `descriptor` from now on.
   *
   * @throws WasiError `mfile`
   */
  add(descriptor: Descriptor): number {
    this.requireRoom();
    let fd = this.#open.indexOf(undefined);
    if (fd < 0) fd = this.#open.length;
    this.#open[fd] = descriptor;
    this.#count += 1;
    return fd;
  }

  /** Undefined: nothing is open under that number. */
  find(fd: number): Descriptor | undefined {
    return this.#open[fd >>> 0];
  }

  /** @throws WasiError `badf` */
  get(fd: number): Descriptor {
    const descriptor = this.find(fd);
    if (descriptor === undefined) throw new WasiError('badf');
    return descriptor;
  }

  /**
   * The descriptor of `fd`, which is free from now on.
   *
   * @throws WasiError `badf`
   */
  take(fd: number): Descriptor {
    const descriptor = this.get(fd);
    this.#open[fd >>> 0] = undefined;
    this.#count -= 1;
    return descriptor;
  }

  /**
   * Moves `from` to the number `to`; gives back what was there.
   *
   * @throws WasiError `badf`
   */
  renumber(from: number, to: number): Descriptor | undefined {
    const moved = this.get(from);
    const replaced = this.get(to);
    if (from >>> 0 === to >>> 0) return undefined;
    this.#open[from >>> 0] = undefined;
    this.#open[to >>> 0] = moved;
    this.#count -= 1;
    return replaced;
  }

  /** @throws WasiError `badf` where nothing is open, `notdir` where no directory is */
  directory(fd: number): DirectoryDescriptor {
    const descriptor = this.get(fd);
    if (descriptor.kind !== 'directory') throw new WasiError('notdir');
    return descriptor;
  }

  /** @throws WasiError: `badf`, `isdir` for a directory, `spipe` for a stream */
  file(fd: number): FileDescriptor {
    const descriptor = this.get(fd);
    if (descriptor.kind === 'file') return descriptor;
    throw new WasiError(descriptor.kind === 'directory' ? 'isdir' : 'spipe');
  }
}
