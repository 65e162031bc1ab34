/** What a path and the wishes of who opens it make of a node. */
import { WasiError } from './errno.ts';
import type { Awaitable, DirectoryNode, FileNode, Node, OpenFile } from './node.ts';
import { type Found, walk } from './walk.ts';

export interface OpenAsked {
  readonly path: string;
  readonly followsLink: boolean;
  readonly creates: boolean;
  /** With `creates`: it must not be there. */
  readonly isExclusive: boolean;
  readonly wantsDirectory: boolean;
  readonly truncates: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
}

export type Opened =
  | { readonly kind: 'directory'; readonly node: DirectoryNode }
  | {
      readonly kind: 'file';
      readonly node: FileNode;
      readonly file: OpenFile;
      readonly mayRead: boolean;
      readonly mayWrite: boolean;
    };

/** How a run waits; see `WasiGuest.waitFor`. */
export type WaitFor = <T>(work: Promise<T>) => Promise<T>;

const plainWait: WaitFor = (work) => work;

/** @throws WasiError */
export async function openAt(
  start: DirectoryNode,
  asked: OpenAsked,
  waitFor: WaitFor = plainWait,
): Promise<Opened> {
  const isExclusive = asked.creates && asked.isExclusive;
  if (asked.creates && asked.wantsDirectory) throw new WasiError('inval');
  const lastLink = asked.followsLink && !isExclusive ? 'follow' : 'look';
  const found = await waitFor(walk(start, asked.path, lastLink));
  if (found.node !== undefined && isExclusive) throw new WasiError('exist');
  const node = found.node ?? (await waitFor(Promise.resolve(create(found, asked))));
  if (node.kind !== 'directory')
    return await openFile(requireFile(found, node, asked), asked, waitFor);
  if (asked.writes || asked.truncates || asked.creates) throw new WasiError('isdir');
  return { kind: 'directory', node };
}

function create(found: Found, { creates, isExclusive }: OpenAsked): Awaitable<FileNode> {
  if (!creates) throw new WasiError('noent');
  if (found.mustBeDirectory) throw new WasiError('isdir');
  return found.parent.createFile(found.name, isExclusive);
}

function requireFile(found: Found, node: Node, asked: OpenAsked): FileNode {
  if (node.kind === 'symlink') throw new WasiError('loop');
  if (node.kind === 'directory') throw new WasiError('isdir');
  if (asked.wantsDirectory || found.mustBeDirectory) throw new WasiError('notdir');
  if ((asked.writes || asked.truncates) && node.isReadOnly) throw new WasiError('rofs');
  return node;
}

async function openFile(
  node: FileNode,
  { writes, reads, truncates }: OpenAsked,
  waitFor: WaitFor,
): Promise<Opened> {
  const file = await waitFor(Promise.resolve(node.open()));
  try {
    if (truncates) file.resize(0n);
  } catch (error) {
    await file.close();
    throw error;
  }
  // Who asked for neither can at least read: some libraries ask for no rights at all.
  return { kind: 'file', node, file, mayRead: reads || !writes, mayWrite: writes };
}
