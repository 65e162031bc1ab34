/** Which resources a type mentions that are neither given to nor made by what it describes. */
import type { TypeItem } from './externs.ts';
import type { Steps } from './substitution.ts';

export function freeResources(type: TypeItem, steps: Steps): ReadonlySet<number> {
  const mentioned = new Set<number>();
  const bound = new Set<number>();
  const seen = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || seen.has(part)) return;
    steps.take();
    seen.add(part);
    if (part instanceof Map || Array.isArray(part)) {
      for (const each of part.values()) visit(each);
      return;
    }
    const node = part as { kind?: string; id?: number; fresh?: number[]; imported?: number[] };
    if (node.kind === 'resource' && node.id !== undefined) mentioned.add(node.id);
    for (const id of [...(node.fresh ?? []), ...(node.imported ?? [])]) bound.add(id);
    for (const each of Object.values(part)) visit(each);
  };
  visit(type);
  for (const id of bound) mentioned.delete(id);
  return mentioned;
}
