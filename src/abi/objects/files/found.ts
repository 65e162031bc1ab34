/** What a path must have led to, for what is to be done there. */
import { WasiError } from './errno.ts';
import type { FileNode, SymlinkNode } from './node.ts';
import type { Found } from './walk.ts';

export function requireNode({ node, mustBeDirectory }: Found): NonNullable<Found['node']> {
  if (node === undefined) throw new WasiError('noent');
  if (mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
  return node;
}

/** An entry that can be removed or moved, which the directory one stands in cannot. */
export function requireEntry({ node, name }: Found): NonNullable<Found['node']> {
  if (name === '.') throw new WasiError('inval');
  if (node === undefined) throw new WasiError('noent');
  return node;
}

export function requireLinkable(found: Found): FileNode | SymlinkNode {
  const node = requireNode(found);
  if (node.kind === 'directory') throw new WasiError('perm');
  return node;
}

export function requireNewName({ node, mustBeDirectory }: Found): void {
  if (node !== undefined) throw new WasiError('exist');
  if (mustBeDirectory) throw new WasiError('noent');
}
