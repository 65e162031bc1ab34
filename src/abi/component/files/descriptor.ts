/** Descriptors of `wasi:filesystem` over the tree of files that a run has. */

import { WasiError } from '../../objects/files/errno.ts';
import { filetype } from '../../objects/files/filetype.ts';
import { requireNode } from '../../objects/files/found.ts';
import type { DirectoryNode, ListedEntry, Node, NodeFacts } from '../../objects/files/node.ts';
import { type Opened, openAt } from '../../objects/files/open.ts';
import { type Found, type LastLink, walk } from '../../objects/files/walk.ts';
import type { HeldForRun } from '../../objects/held-for-run.ts';
import { ObjectError } from '../../objects/object-error.ts';
import type { ComponentGuest } from '../guest.ts';
import { HostResource } from '../handles.ts';
import type { Variant } from '../results.ts';

/** What a name of a listing takes, about. */
const entryBytes = 128;
const offsetMax = 2n ** 63n - 1n;
const nsPerSecond = 1_000_000_000n;
const types: ReadonlyMap<number, number> = new Map([
  [filetype.characterDevice, 2],
  [filetype.directory, 3],
  [filetype.symbolicLink, 5],
  [filetype.regularFile, 6],
]);
/** `descriptor-type` of 0.2 of a kind of files. */
export function typeOf(kind: number): number {
  return types.get(kind) ?? 0;
}

/** @throws WasiError `inval` beyond what files can have */
export function requireOffset(offset: bigint): bigint {
  if (offset > offsetMax) throw new WasiError('inval');
  return offset;
}

/** `descriptor-flags`. */
const flag = { read: 1, write: 2, mutateDirectory: 32 } as const;
/** `open-flags`. */
const openFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
/** `path-flags`. */
const symlinkFollow = 1;

export type Datetime = readonly [seconds: bigint, nanoseconds: number];

/** Floored, so that the second part is never negative. */
export function datetimeOf(ns: bigint): Datetime {
  const rest = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  return [(ns - rest) / nsPerSecond, Number(rest)];
}

export class Descriptor extends HostResource {
  readonly opened: Opened;
  readonly #guest: ComponentGuest;
  readonly #mutates: boolean;

  /** @param mutates Of a directory: whether whoever opened it said that it will change it. */
  constructor(guest: ComponentGuest, opened: Opened, mutates: boolean) {
    super();
    this.#guest = guest;
    this.opened = opened;
    this.#mutates = mutates;
  }

  get node(): Node {
    return this.opened.node;
  }

  /** @throws WasiError `notdir` */
  get directory(): DirectoryNode {
    if (this.opened.kind === 'directory') return this.opened.node;
    throw new WasiError('notdir');
  }

  /** @throws WasiError `isdir` */
  get file(): Opened & { readonly kind: 'file' } {
    if (this.opened.kind === 'file') return this.opened;
    throw new WasiError('isdir');
  }

  /** @throws WasiError */
  get readable() {
    if (this.file.mayRead) return this.file.file;
    throw new WasiError('badf');
  }

  /** @throws WasiError */
  get writable() {
    if (this.file.mayWrite) return this.file.file;
    throw new WasiError(this.file.node.isReadOnly ? 'rofs' : 'badf');
  }

  get flags(): number {
    if (this.opened.kind === 'directory') {
      const mutates = this.#mutates && !this.opened.node.isReadOnly;
      return flag.read | (mutates ? flag.mutateDirectory : 0);
    }
    return (this.opened.mayRead ? flag.read : 0) | (this.opened.mayWrite ? flag.write : 0);
  }

  get type(): number {
    return this.opened.kind === 'directory' ? 3 : 6;
  }

  facts(): NodeFacts | Promise<NodeFacts> {
    return this.opened.kind === 'file' ? this.opened.file.facts() : this.opened.node.facts();
  }

  /** What the path below it leads to. */
  find(path: string, lastLink: LastLink): Promise<Found> {
    return walk(this.directory, path, lastLink);
  }

  async nodeAt(pathFlags: number, path: string): Promise<Node> {
    const lastLink = (pathFlags & symlinkFollow) !== 0 ? 'follow' : 'look';
    return requireNode(await this.find(path, lastLink));
  }

  async open(asked: OpenAtAsked): Promise<Descriptor> {
    const { path, pathFlags, openFlags, flags } = asked;
    const opened = await openAt(this.directory, {
      path,
      followsLink: (pathFlags & symlinkFollow) !== 0,
      creates: (openFlags & openFlag.create) !== 0,
      isExclusive: (openFlags & openFlag.exclusive) !== 0,
      wantsDirectory: (openFlags & openFlag.directory) !== 0,
      truncates: (openFlags & openFlag.truncate) !== 0,
      reads: (flags & flag.read) !== 0,
      writes: (flags & flag.write) !== 0,
    });
    // Who creates or truncates means to write (wasi:filesystem, `open-at`).
    const implied = (openFlags & (openFlag.create | openFlag.truncate)) !== 0;
    if (opened.kind === 'file' && implied && !opened.node.isReadOnly) {
      return new Descriptor(this.#guest, { ...opened, mayWrite: true }, false);
    }
    return new Descriptor(this.#guest, opened, (flags & flag.mutateDirectory) !== 0);
  }

  /** @param accessed `new-timestamp`, as is `modified`: no change, now, or a time. */
  setTimes(node: Node, accessed: Variant, modified: Variant): void | Promise<void> {
    const nowNs = this.#guest.run.capabilities.clock.nowNs();
    const nsOf = ({ tag, value }: Variant): bigint | undefined => {
      if (tag === 0) return undefined;
      if (tag === 1) return nowNs;
      const [seconds, nanoseconds] = value as Datetime;
      return seconds * nsPerSecond + BigInt(nanoseconds);
    };
    return node.setTimes({ accessedNs: nsOf(accessed), modifiedNs: nsOf(modified) });
  }

  override drop(): void {
    super.drop();
    if (this.opened.kind === 'file') this.#guest.closeFile(this.opened.file);
  }
}

/** What is open from the start, with the names that it has there. */
export function preopenedDirectories(
  guest: ComponentGuest,
): readonly (readonly [Descriptor, string])[] {
  return guest.run
    .openDirectories()
    .map(({ name, directory }) => [
      new Descriptor(guest, { kind: 'directory', node: directory }, true),
      name,
    ]);
}

export interface OpenAtAsked {
  readonly pathFlags: number;
  readonly path: string;
  readonly openFlags: number;
  readonly flags: number;
}

/**
 * Answers what lets go of them.
 *
 * @throws WasiError where so many names find no room any more
 */
export function holdEntries(entries: readonly ListedEntry[], held: HeldForRun): () => undefined {
  const bytes = entries.length * entryBytes;
  try {
    held.hold(bytes);
  } catch (error) {
    throw error instanceof ObjectError ? new WasiError('mfile') : error;
  }
  return () => void held.release(bytes);
}

/** Entries as they were when the directory was opened for reading. */
export class EntryStream extends HostResource {
  readonly #entries: readonly ListedEntry[];
  readonly #letGo: () => void;
  #at = 0;

  /** @throws WasiError where so many names find no room any more */
  constructor(entries: readonly ListedEntry[], held: HeldForRun) {
    super();
    this.#entries = entries;
    this.#letGo = holdEntries(entries, held);
  }

  override drop(): void {
    super.drop();
    this.#letGo();
  }

  next(): readonly [type: number, name: string] | undefined {
    const entry = this.#entries[this.#at];
    this.#at += 1;
    return entry === undefined ? undefined : [typeOf(entry.filetype), entry.name];
  }
}

export function statOf(facts: NodeFacts): readonly [type: number, ...rest: unknown[]] {
  return [
    typeOf(facts.filetype),
    facts.links,
    facts.sizeBytes,
    datetimeOf(facts.accessedNs),
    datetimeOf(facts.modifiedNs),
    datetimeOf(facts.changedNs),
  ];
}

/** Two words that are the same for the same file, and others once it has changed. */
export async function hashOf(node: Node): Promise<readonly [bigint, bigint]> {
  const { inode, sizeBytes, modifiedNs } = await node.facts();
  return [
    BigInt.asUintN(64, inode ^ (node.device << 56n)),
    BigInt.asUintN(64, sizeBytes ^ modifiedNs),
  ];
}
