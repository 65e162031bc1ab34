/**
 * From a directory and a path to a node, one segment at a time. This is where a guest is kept
 * inside: `..` above the directory it started from, an absolute path and an absolute link are all
 * refused, whoever made the link. Mallory's link `d -> ../../etc` may exist; walking through it
 * counts its `..` like her own.
 */
import { Buffer } from 'node:buffer';
import { WasiError } from './errno.ts';
import type { DirectoryNode, Node } from './node.ts';

const pathBytesMax = 4_096;
const nameBytesMax = 255;
const linksFollowedMax = 32;
/** Links of thousands of segments each would make one call last for ever. */
const segmentsWalkedMax = 4_096;

export interface Found {
  /** The directory that has, or would have, the entry. */
  readonly parent: DirectoryNode;
  /** '.' when the path ends in a directory without naming its entry: '.', 'a/..'. */
  readonly name: string;
  readonly node: Node | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly mustBeDirectory: boolean;
}

/**
 * What becomes of a symbolic link at the end; links on the way are always followed. `look`:
 * followed only where a slash says that a directory is meant. `change`: the entry itself is meant.
 */
export type LastLink = 'follow' | 'look' | 'change';

/**
 * What is in memory is walked at once, on the guest's own time: Mallory would otherwise have the
 * thread for nothing.
 *
 * @throws WasiError: `noent` when a directory on the way is missing, `notdir` when it is none,
 *   `notcapable` when the path leads out, `loop`, `nametoolong`, `inval`
 */
export async function walk(start: DirectoryNode, path: string, lastLink: LastLink): Promise<Found> {
  const road = new Road(start, path);
  for (;;) {
    const name = road.next();
    if (name === undefined) return road.here();
    const isLast = road.isAtEnd;
    if (name === '..') {
      road.leave();
      continue;
    }
    const found = road.at.lookup(name);
    const node = found instanceof Promise ? await found : found;
    if (node?.kind === 'symlink' && (!isLast || road.mayFollowLast(lastLink))) {
      road.follow(node.target);
    } else if (isLast) {
      return { parent: road.at, name, node, mustBeDirectory: road.endsInSlash };
    } else {
      road.enter(node);
    }
  }
}

/** What is left to walk, and the directories entered so far. */
class Road {
  endsInSlash: boolean;
  readonly #directories: DirectoryNode[];
  /** Last segment first. */
  readonly #rest: string[];
  #linksFollowed = 0;
  #segmentsWalked = 0;

  constructor(start: DirectoryNode, path: string) {
    if (path === '') throw new WasiError('noent');
    if (path.includes('\0')) throw new WasiError('inval');
    if (Buffer.byteLength(path) > pathBytesMax) throw new WasiError('nametoolong');
    this.#directories = [start];
    this.#rest = segmentsOf(path);
    this.endsInSlash = path.endsWith('/');
  }

  get at(): DirectoryNode {
    const directory = this.#directories.at(-1);
    if (directory === undefined) throw new WasiError('notcapable');
    return directory;
  }

  mayFollowLast(lastLink: LastLink): boolean {
    return lastLink === 'follow' || (lastLink === 'look' && this.endsInSlash);
  }

  get isAtEnd(): boolean {
    return this.#rest.length === 0;
  }

  next(): string | undefined {
    const name = this.#rest.pop();
    this.#segmentsWalked += 1;
    if (this.#segmentsWalked > segmentsWalkedMax) throw new WasiError('loop');
    if (name !== undefined && Buffer.byteLength(name) > nameBytesMax) {
      throw new WasiError('nametoolong');
    }
    return name;
  }

  leave(): void {
    if (this.#directories.length === 1) throw new WasiError('notcapable');
    this.#directories.pop();
  }

  enter(node: Node | undefined): void {
    if (node === undefined) throw new WasiError('noent');
    if (node.kind !== 'directory') throw new WasiError('notdir');
    this.#directories.push(node);
  }

  follow(target: string): void {
    this.#linksFollowed += 1;
    if (this.#linksFollowed > linksFollowedMax) throw new WasiError('loop');
    if (this.isAtEnd && target.endsWith('/')) this.endsInSlash = true;
    this.#rest.push(...segmentsOf(target));
  }

  here(): Found {
    const { at } = this;
    return { parent: at, name: '.', node: at, mustBeDirectory: this.endsInSlash };
  }
}

function segmentsOf(path: string): string[] {
  if (path.startsWith('/')) throw new WasiError('notcapable');
  return path
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .reverse();
}
