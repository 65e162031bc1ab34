/**
 * Files of a folder that its programs read and no visitor gets: `private` of `terrafirma.toml`.
 * Pure, and plain data: it crosses threads.
 */
import { foldName } from '../names.ts';

export interface PrivateRule {
  /** Folded: a file system that ignores case opens the same file under several spellings. */
  readonly segments: readonly string[];
  /** Everything below that directory; else that one file. */
  readonly isBelow: boolean;
}

const indexNames = ['index.html', 'index.wasm'];

/** `/app.py`, or `/lib/*` for all below; undefined for what is neither. */
export function parsePrivateRule(pattern: string): PrivateRule | undefined {
  if (!pattern.startsWith('/')) return undefined;
  const isBelow = pattern.endsWith('/*');
  const path = isBelow ? pattern.slice(1, -2) : pattern.slice(1);
  const segments = path === '' && isBelow ? [] : path.split('/');
  const isPath = segments.every((name) => name !== '' && name !== '.' && name !== '..');
  if (!isPath || path.includes('*')) return undefined;
  return { segments: segments.map(foldName), isBelow };
}

/** Whether a rule closes the path to visitors; for a directory, its index. */
export function isPrivate(
  rules: readonly PrivateRule[],
  path: { readonly segments: readonly string[]; readonly isDirectory: boolean },
): boolean {
  const folded = path.segments.map(foldName);
  if (!path.isDirectory) return rules.some((rule) => covers(rule, folded));
  return indexNames.some((name) => rules.some((rule) => covers(rule, [...folded, name])));
}

function covers({ segments, isBelow }: PrivateRule, path: readonly string[]): boolean {
  if (isBelow ? path.length <= segments.length : path.length !== segments.length) return false;
  return segments.every((name, index) => name === path[index]);
}
