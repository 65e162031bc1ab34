/** Names that say that a function belongs to a resource, and what they promise of its type. */

import type { DeclaredName } from './definitions.ts';
import type { Extern } from './externs.ts';
import { quoteName, refuseComponent } from './limits.ts';
import { type ExternName, parseExternName } from './names.ts';
import type { Names } from './scope.ts';
import type { FuncType, ResourceType, ValueType } from './types.ts';

/**
 * Sees that `extern` may have that name among `names`, which hold the resources named before.
 *
 * @throws TerrafirmaError `module-refused`
 */
export function requireName(
  { name, implementedInterface }: DeclaredName,
  extern: Extern,
  { names, offset }: { readonly names: Names; readonly offset: number },
): void {
  const parsed = parseExternName(name);
  if (parsed === undefined) {
    const rule = 'names of imports and exports are words joined by `-`, or name an interface';
    throw refuseComponent(rule, quoteName(name), offset);
  }
  if (implementedInterface !== undefined) {
    requireImplements(implementedInterface, { parsed, extern, offset });
  }
  if (parsed.kind === 'plain' || parsed.kind === 'interface') return;
  const fault = findFault(parsed, extern, names);
  if (fault !== undefined) throw refuseComponent(fault, quoteName(name), offset);
}

function requireImplements(
  implemented: string,
  {
    parsed,
    extern,
    offset,
  }: { readonly parsed: ExternName; readonly extern: Extern; readonly offset: number },
): void {
  const isInterface = parseExternName(implemented)?.kind === 'interface';
  if (isInterface && extern.kind === 'instance' && parsed.kind === 'plain') return;
  const rule = 'an instance with a plain name may implement an interface';
  throw refuseComponent(rule, quoteName(implemented), offset);
}

function findFault(
  name: Exclude<ExternName, { readonly kind: 'plain' | 'interface' }>,
  extern: Extern,
  names: Names,
): string | undefined {
  if (extern.kind !== 'func') return 'a name of a method is one of a function';
  if (name.kind === 'static') {
    const isKnown = [...names.resources.values()].includes(name.resource);
    return isKnown ? undefined : 'the resource of a static function has a name beside it';
  }
  const { type } = extern;
  const resource = name.kind === 'constructor' ? madeBy(type) : selfOf(type);
  if (resource === undefined) {
    return name.kind === 'constructor'
      ? 'a constructor answers its resource, or a result of it'
      : 'a method has a first parameter `self`, which borrows its resource';
  }
  const called = names.resources.get(resource);
  return called === name.resource ? undefined : 'the resource in its name is that of its type';
}

function madeBy({ result }: FuncType): ResourceType | undefined {
  const made: ValueType | undefined = result?.kind === 'result' ? result.ok : result;
  return made?.kind === 'own' ? made.resource : undefined;
}

function selfOf({ params: [self] }: FuncType): ResourceType | undefined {
  return self?.name === 'self' && self.type.kind === 'borrow' ? self.type.resource : undefined;
}
