/** Core modules, their instances and their types, as the definitions of a component have them. */
import { inspectModule } from '../inspect.ts';
import type { ModuleLimits, ModuleShape } from '../shape.ts';
import type {
  CoreExternDefinition,
  CoreTypeDefinition,
  Definition,
  ModuleDeclaration,
  Placed,
} from './definitions.ts';
import {
  type CoreExtern,
  type CoreFunc,
  type CoreImport,
  type CoreModuleType,
  moduleTypeOf,
} from './externs.ts';
import { quoteName, refuseComponent } from './limits.ts';
import { isCoreExtern, type PlainCoreType, type Scope, scopeAbove } from './scope.ts';
import { compareCore } from './subtype.ts';

type Of<K extends Definition['kind']> = Extract<Definition, { kind: K }>;

export class CoreCheck {
  /** By the offset of its first byte. */
  readonly modules = new Map<number, ModuleShape>();
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #limits: ModuleLimits;
  readonly #isValid: (bytes: Uint8Array<ArrayBuffer>) => boolean;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    how: {
      readonly limits: ModuleLimits;
      /** Whether V8 takes a core module. */
      readonly isValid: (bytes: Uint8Array<ArrayBuffer>) => boolean;
    },
  ) {
    this.#bytes = bytes;
    this.#limits = how.limits;
    this.#isValid = how.isValid;
  }

  module({ offset, end }: Of<'core module'>): CoreModuleType {
    const bytes = this.#bytes.subarray(offset, end);
    const shape = inspectModule(bytes, this.#limits);
    if (!this.#isValid(bytes)) {
      throw refuseComponent('its core modules are valid', 'one that V8 refuses', offset);
    }
    this.modules.set(offset, shape);
    const type = moduleTypeOf(shape);
    requireDistinctImports(type, offset);
    return type;
  }

  instantiate(
    scope: Scope,
    { module, args, offset }: Of<'core instantiate'>,
  ): ReadonlyMap<string, CoreExtern> {
    const type = scope.get('core module', module, offset);
    const given = new Map<string, ReadonlyMap<string, CoreExtern>>();
    for (const { name, instance } of args) {
      const exports = scope.get('core instance', instance, offset);
      if (given.has(name)) throw refuseComponent('arguments come once', quoteName(name), offset);
      given.set(name, exports);
    }
    for (const wanted of type.imports) {
      const label = `${quoteName(wanted.module)} ${quoteName(wanted.name)}`;
      const actual = given.get(wanted.module)?.get(wanted.name);
      if (actual === undefined)
        throw refuseComponent(`the core import ${label} is given`, 'nothing', offset);
      const misfit = compareCore(actual, wanted.extern);
      if (misfit !== undefined)
        throw refuseComponent(`what is given for ${label} fits`, misfit, offset);
    }
    return type.exports;
  }

  bag(scope: Scope, { exports, offset }: Of<'core bag'>): ReadonlyMap<string, CoreExtern> {
    const bag = new Map<string, CoreExtern>();
    for (const { name, sort, index } of exports) {
      if (!isCoreExtern(sort))
        throw refuseComponent('core instances have core parts', sort, offset);
      if (bag.has(name)) throw refuseComponent('exports differ in name', quoteName(name), offset);
      bag.set(name, scope.get(sort, index, offset));
    }
    return bag;
  }

  type(
    scope: Scope,
    definition: CoreTypeDefinition,
    offset: number,
  ): PlainCoreType | CoreModuleType {
    if (definition.kind === 'module') return this.#moduleType(scope, definition.declarations);
    if (definition.type.kind === 'func') return { kind: 'plain', type: definition.type };
    throw refuseComponent('core types are functions', definition.type.kind, offset);
  }

  #moduleType(outer: Scope, declarations: readonly (ModuleDeclaration & Placed)[]): CoreModuleType {
    const types: CoreFunc[] = [];
    const imports: CoreImport[] = [];
    const exports = new Map<string, CoreExtern>();
    for (const declaration of declarations) {
      const { offset } = declaration;
      const externOf = (extern: CoreExternDefinition): CoreExtern => {
        if (!isTyped(extern)) return requireLimits(extern, offset);
        const type = types[extern.type];
        if (type !== undefined) return { kind: extern.kind, type };
        throw refuseComponent('core types exist', `index ${extern.type}`, offset);
      };
      if (declaration.kind === 'type') {
        if (declaration.type.kind === 'func') types.push(declaration.type);
      } else if (declaration.kind === 'outer-type') {
        types.push(this.#outerType(outer, declaration, offset));
      } else if (declaration.kind === 'import') {
        const { module, name } = declaration;
        imports.push({ module, name, extern: externOf(declaration.extern) });
      } else {
        const { name } = declaration;
        if (exports.has(name))
          throw refuseComponent('exports differ in name', quoteName(name), offset);
        exports.set(name, externOf(declaration.extern));
      }
    }
    const type: CoreModuleType = { kind: 'core module', imports, exports };
    requireDistinctImports(type, declarations[0]?.offset ?? 0);
    return type;
  }

  /** Scopes are counted from the module type, which has none of its own to be named. */
  #outerType(
    outer: Scope,
    { count, index }: { readonly count: number; readonly index: number },
    offset: number,
  ): CoreFunc {
    const scope = count === 0 ? undefined : scopeAbove(outer, count - 1, offset);
    const type = scope?.get('core type', index, offset);
    if (type?.kind === 'plain') return type.type;
    throw refuseComponent('an alias in a module type is of a core type', `index ${index}`, offset);
  }
}

type TypedExtern = Extract<CoreExternDefinition, { readonly kind: 'func' | 'tag' }>;

function isTyped(extern: CoreExternDefinition): extern is TypedExtern {
  return extern.kind === 'func' || extern.kind === 'tag';
}

function requireLimits<T extends CoreExtern>(extern: T, offset: number): T {
  if (extern.kind !== 'memory' || extern.limits.is64) return extern;
  const { min, max = min } = extern.limits;
  if (min <= memoryPagesMax && max <= memoryPagesMax) return extern;
  throw refuseComponent(`a memory has at most ${memoryPagesMax} pages`, `${max}`, offset);
}

/** Pages that 32 bits can address. */
const memoryPagesMax = 65_536;

/** Core WebAssembly allows two imports of one name; what would be given for them is not said. */
function requireDistinctImports({ imports }: CoreModuleType, offset: number): void {
  const seen = new Set<string>();
  for (const { module, name } of imports) {
    const key = JSON.stringify([module, name]);
    if (seen.has(key))
      throw refuseComponent('core imports differ in name', quoteName(name), offset);
    seen.add(key);
  }
}
