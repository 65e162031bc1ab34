/** Aliases: names for what an instance exports, or a scope around this one has. */
import type { Definition } from './definitions.ts';
import type { TypeItem } from './externs.ts';
import { freeResources } from './free-resources.ts';
import { quoteName, refuseComponent } from './limits.ts';
import { isCoreExtern, type Scope, scopeAbove } from './scope.ts';
import type { Steps } from './substitution.ts';

type Of<K extends Definition['kind']> = Extract<Definition, { kind: K }>;

export function aliasExport(
  scope: Scope,
  { sort, instance, name, offset }: Of<'alias export'>,
): void {
  const isType = sort === 'type' || sort === 'instance';
  if (scope.kind !== 'component' && !isType) throw refuseDeclarator(sort, offset);
  const extern = scope.get('instance', instance, offset).exports.get(name);
  if (extern?.kind === sort) {
    scope.pushExtern(extern);
    return;
  }
  const received = extern === undefined ? 'none' : `a ${extern.kind}`;
  throw refuseComponent(`a ${sort} ${quoteName(name)} is exported`, received, offset);
}

export function aliasCoreExport(
  scope: Scope,
  { sort, instance, name, offset }: Of<'alias core export'>,
): void {
  if (scope.kind !== 'component' || !isCoreExtern(sort)) throw refuseDeclarator(sort, offset);
  const extern = scope.get('core instance', instance, offset).get(name);
  if (extern !== undefined && `core ${extern.kind}` === sort) {
    scope.pushCore(extern);
    return;
  }
  const received = extern === undefined ? 'none' : `a ${extern.kind}`;
  throw refuseComponent(`a ${sort} ${quoteName(name)} is exported`, received, offset);
}

export function aliasOuter(
  scope: Scope,
  { sort, count, index, offset }: Of<'alias outer'>,
  steps: Steps,
): void {
  const isType = sort === 'type' || sort === 'core type';
  const isAllowed = isType || sort === 'core module' || sort === 'component';
  if (!isAllowed || (scope.kind !== 'component' && !isType)) throw refuseDeclarator(sort, offset);
  const target = scopeAbove(scope, count, offset);
  const item = target.get(sort, index, offset);
  if (sort === 'type' && crossesComponent(scope, target)) {
    if (freeResources(item as TypeItem, steps).size > 0) {
      const rule = 'types of another component name none of its resources';
      throw refuseComponent(rule, `type ${index}`, offset);
    }
  }
  scope.push(sort, item);
}

function crossesComponent(scope: Scope, target: Scope): boolean {
  for (let each: Scope | undefined = scope; each !== undefined && each !== target; ) {
    if (each.kind === 'component') return true;
    each = each.parent;
  }
  return false;
}

function refuseDeclarator(sort: string, offset: number): Error {
  return refuseComponent('an alias may be of another sort here', sort, offset);
}
