/**
 * Whether the definitions of a component are good: all names exist, all types fit, all that is
 * exported can be used (component-model, Binary.md and Explainer.md). Nothing is linked here.
 */
import { defaultModuleLimits, type ModuleLimits, type ModuleShape } from '../shape.ts';
import { requireName } from './annotated.ts';
import type {
  ComponentDefinition,
  Definition,
  ExternDefinition,
  TypeDefinition,
} from './definitions.ts';
import type { ComponentType, CoreFunc, Extern, InstanceType, TypeItem } from './externs.ts';
import {
  type ComponentLimits,
  defaultComponentLimits,
  quoteName,
  refuseComponent,
} from './limits.ts';
import { Names, Scope, type ScopeKind } from './scope.ts';
import {
  bindResources,
  bindTypes,
  openInstance,
  ResourceIds,
  Steps,
  Substitution,
} from './substitution.ts';
import { Comparison, sameFunc } from './subtype.ts';
import { Layouts, type ResourceType } from './types.ts';
import { aliasCoreExport, aliasExport, aliasOuter } from './validate-alias.ts';
import { CanonCheck } from './validate-canon.ts';
import { CoreCheck } from './validate-core.ts';
import { TypeBuilder, TypeFacts } from './validate-types.ts';
import { Visibility } from './visibility.ts';

type Of<K extends Definition['kind']> = Extract<Definition, { kind: K }>;

export interface ValidationOptions {
  readonly limits?: ComponentLimits;
  /** Of each of its core modules. */
  readonly moduleLimits?: ModuleLimits;
  /** Whether V8 takes a core module. */
  readonly isValid: (bytes: Uint8Array<ArrayBuffer>) => boolean;
}

export interface ValidComponent {
  readonly type: ComponentType;
  /** By the offset of its first byte. */
  readonly modules: ReadonlyMap<number, ModuleShape>;
}

/** @throws TerrafirmaError `module-refused`, with the offset */
export function validateComponent(
  bytes: Uint8Array<ArrayBuffer>,
  component: ComponentDefinition,
  options: ValidationOptions,
): ValidComponent {
  const validation = new Validation(bytes, options);
  const type = validation.component(component, undefined);
  return { type, modules: validation.modules };
}

class Validation {
  readonly #core: CoreCheck;
  readonly #steps: Steps;
  readonly #ids = new ResourceIds();
  readonly #facts: TypeFacts;
  readonly #layouts = new Layouts();

  constructor(bytes: Uint8Array<ArrayBuffer>, options: ValidationOptions) {
    const { limits = defaultComponentLimits, moduleLimits = defaultModuleLimits } = options;
    this.#core = new CoreCheck(bytes, { limits: moduleLimits, isValid: options.isValid });
    this.#steps = new Steps(limits.stepsMax);
    this.#facts = new TypeFacts(limits);
  }

  get modules(): ReadonlyMap<number, ModuleShape> {
    return this.#core.modules;
  }

  component({ definitions }: ComponentDefinition, parent: Scope | undefined): ComponentType {
    return this.#componentOf(this.#fill('component', definitions, parent));
  }

  #fill(kind: ScopeKind, definitions: readonly Definition[], parent: Scope | undefined): Scope {
    const scope = new Scope(kind, parent);
    for (const definition of definitions) this.#add(scope, definition);
    return scope;
  }

  #componentOf({ imports, exports, imported, fresh }: Scope): ComponentType {
    const names = { imports: imports.externs, exports: exports.externs };
    return { kind: 'component', ...names, imported, fresh };
  }

  #add(scope: Scope, definition: Definition): void {
    const { offset } = definition;
    switch (definition.kind) {
      case 'core module':
        scope.push('core module', this.#core.module(definition));
        return;
      case 'core instantiate':
        scope.push('core instance', this.#core.instantiate(scope, definition));
        return;
      case 'core bag':
        scope.push('core instance', this.#core.bag(scope, definition));
        return;
      case 'core type':
        scope.push('core type', this.#core.type(scope, definition.type, offset));
        return;
      case 'component':
        scope.push('component', this.component(definition.component, scope));
        return;
      case 'instantiate':
        scope.push('instance', this.#instantiate(scope, definition));
        return;
      case 'bag':
        scope.push('instance', this.#bag(scope, definition));
        return;
      case 'type':
        scope.push('type', this.#type(scope, definition.type, offset));
        return;
      case 'canon': {
        const types = this.#builder(scope, offset);
        new CanonCheck(scope, { types, layouts: this.#layouts, offset }).add(definition.canon);
        return;
      }
      default:
        this.#addNamed(scope, definition);
        return;
    }
  }

  #addNamed(
    scope: Scope,
    definition: Of<
      'alias export' | 'alias core export' | 'alias outer' | 'import' | 'export' | 'export type'
    >,
  ): void {
    switch (definition.kind) {
      case 'alias export':
        aliasExport(scope, definition);
        return;
      case 'alias core export':
        aliasCoreExport(scope, definition);
        return;
      case 'alias outer':
        aliasOuter(scope, definition, this.#steps);
        return;
      case 'import':
        this.#import(scope, definition);
        return;
      case 'export':
        this.#export(scope, definition);
        return;
      default:
        this.#exportType(scope, definition);
        return;
    }
  }

  #instantiate(scope: Scope, { component, args, offset }: Of<'instantiate'>): InstanceType {
    const type = scope.get('component', component, offset);
    const given = new Map<string, Extern>();
    for (const { name, sort, index } of args) {
      if (given.has(name)) throw refuseComponent('arguments come once', quoteName(name), offset);
      given.set(name, scope.extern(sort, index, offset));
    }
    const substitution = new Substitution(this.#steps);
    // What is given is looked at before it takes the place of what is expected.
    const check = new Substitution(this.#steps);
    const wanted = new Set(type.imported);
    for (const [name, expected] of type.imports) {
      const actual = given.get(name);
      if (actual === undefined) {
        throw refuseComponent(`the import ${quoteName(name)} is given`, 'nothing', offset);
      }
      bindResources(expected, actual, { substitution: check, wanted });
      const misfit = this.#compare(actual, check.apply(expected));
      if (misfit !== undefined)
        throw refuseComponent(`what is given for ${quoteName(name)} fits`, misfit, offset);
      bindResources(expected, actual, { substitution, wanted });
      bindTypes(expected, actual, substitution);
    }
    for (const id of type.fresh) {
      const resource = this.#ids.next();
      substitution.setResource(id, resource);
      scope.fresh.push(resource.id);
    }
    return { kind: 'instance', exports: substitution.apply(type.exports), fresh: [] };
  }

  #bag(scope: Scope, { exports, offset }: Of<'bag'>): InstanceType {
    const names = new Names();
    for (const each of exports) {
      const extern = scope.extern(each.sort, each.index, offset);
      requireName(each, extern, { names, offset });
      if (!names.add(each.name, extern)) throw refuseAlike(each.name, offset);
    }
    return { kind: 'instance', exports: names.externs, fresh: [] };
  }

  #builder(scope: Scope, offset: number): TypeBuilder {
    return new TypeBuilder((index) => scope.get('type', index, offset), offset);
  }

  #type(scope: Scope, definition: TypeDefinition, offset: number): TypeItem {
    switch (definition.kind) {
      case 'func':
        return this.#builder(scope, offset).func(definition, this.#facts);
      case 'resource':
        return this.#resource(scope, definition.destructor, offset);
      case 'component':
        return this.#componentOf(this.#fill('component type', definition.definitions, scope));
      case 'instance': {
        const inner = this.#fill('instance type', definition.definitions, scope);
        return { kind: 'instance', exports: inner.exports.externs, fresh: inner.fresh };
      }
      default: {
        const type = this.#builder(scope, offset).define(definition, this.#facts);
        this.#facts.requireBounded(type, offset);
        return type;
      }
    }
  }

  #resource(scope: Scope, destructor: number | undefined, offset: number): ResourceType {
    if (scope.kind !== 'component') {
      throw refuseComponent('resources are defined in components', 'one in a type', offset);
    }
    if (destructor !== undefined) {
      const extern = scope.get('core func', destructor, offset);
      const isFitting = extern.kind === 'func' && sameFunc(extern.type, destructorType);
      if (!isFitting) {
        throw refuseComponent('a destructor is (i32) -> ()', 'another function', offset);
      }
    }
    const resource = this.#ids.next();
    scope.fresh.push(resource.id);
    scope.local.add(resource.id);
    return resource;
  }

  /** What is declared; types with names of their own, and resources that `note` is told. */
  #extern(
    scope: Scope,
    extern: ExternDefinition,
    how: { readonly note: (resource: ResourceType) => void; readonly offset: number },
  ): Extern {
    const { note, offset } = how;
    if (extern.kind === 'core module') {
      const type = scope.get('core type', extern.type, offset);
      if (type.kind === 'core module') return { kind: 'core module', type };
      throw refuseComponent('a module type is expected', `core type ${extern.type}`, offset);
    }
    if (extern.kind === 'type') {
      if (extern.equal !== undefined) {
        return { kind: 'type', type: { ...scope.get('type', extern.equal, offset) } };
      }
      const resource = this.#ids.next();
      note(resource);
      return { kind: 'type', type: resource };
    }
    const type = scope.get('type', extern.type, offset);
    if (extern.kind === 'func' && type.kind === 'func') return { kind: 'func', type };
    if (extern.kind === 'component' && type.kind === 'component')
      return { kind: 'component', type };
    if (extern.kind === 'instance' && type.kind === 'instance') {
      return {
        kind: 'instance',
        type: openInstance(type, { steps: this.#steps, ids: this.#ids, note }),
      };
    }
    throw refuseComponent(`a type of a ${extern.kind} is expected`, `a ${type.kind} type`, offset);
  }

  #import(scope: Scope, { name, extern: definition, offset }: Of<'import'>): void {
    const note = (resource: ResourceType): void => void scope.imported.push(resource.id);
    const extern = this.#extern(scope, definition, { note, offset });
    this.#requireNamed(scope, { names: scope.imports, extern, offset }, name);
    const isVisible = this.#isVisible(scope, scope.importedTypes, extern);
    if (!isVisible) throw refuseHidden('import', extern, offset);
    // Whoever exports may name what was imported.
    this.#isVisible(scope, scope.exportedTypes, extern);
    scope.pushExtern(extern);
  }

  #exportType(scope: Scope, { name, extern: definition, offset }: Of<'export type'>): void {
    const note = (resource: ResourceType): void => void scope.fresh.push(resource.id);
    const extern = this.#extern(scope, definition, { note, offset });
    this.#finishExport(scope, { name, extern, offset });
  }

  #export(scope: Scope, { name, reference, extern: ascribed, offset }: Of<'export'>): void {
    const actual = scope.extern(reference.sort, reference.index, offset);
    const extern =
      ascribed === undefined ? actual : this.#ascribe(scope, actual, { ascribed, offset });
    this.#finishExport(scope, { name, extern: this.#rename(extern), offset });
  }

  #finishExport(
    scope: Scope,
    {
      name,
      extern,
      offset,
    }: { readonly name: Of<'export'>['name']; readonly extern: Extern; readonly offset: number },
  ): void {
    this.#requireNamed(scope, { names: scope.exports, extern, offset }, name);
    if (!this.#isVisible(scope, scope.exportedTypes, extern)) {
      throw refuseHidden('export', extern, offset);
    }
    scope.pushExtern(extern);
  }

  #ascribe(
    scope: Scope,
    actual: Extern,
    { ascribed, offset }: { readonly ascribed: ExternDefinition; readonly offset: number },
  ): Extern {
    const made = new Set<number>();
    const note = (resource: ResourceType): void => {
      made.add(resource.id);
      scope.fresh.push(resource.id);
    };
    const extern = this.#extern(scope, ascribed, { note, offset });
    // What the type leaves open stays closed to whoever uses it: only the shapes must fit.
    const substitution = new Substitution(this.#steps);
    bindResources(extern, actual, { substitution, wanted: made });
    const misfit = this.#compare(actual, substitution.apply(extern));
    if (misfit === undefined) return extern;
    throw refuseComponent('an export has the type that is said of it', misfit, offset);
  }

  /** An export gives a type another name: the same type, but not the same object. */
  #rename(extern: Extern): Extern {
    return extern.kind === 'type' ? { kind: 'type', type: { ...extern.type } } : extern;
  }

  #requireNamed(
    scope: Scope,
    how: { readonly names: Names; readonly extern: Extern; readonly offset: number },
    name: Of<'export'>['name'],
  ): void {
    const { names, extern, offset } = how;
    requireName(name, extern, { names, offset });
    if (!names.add(name.name, extern)) throw refuseAlike(name.name, offset);
    if (extern.kind !== 'type' || extern.type.kind !== 'resource') return;
    names.resources.set(extern.type, name.name);
    // Of a component type both sides are seen by whoever uses it.
    if (scope.kind === 'instance type') scope.exports.resources.set(extern.type, name.name);
  }

  /** The type of an instance is looked at where it is used. */
  #isVisible(scope: Scope, named: Set<object>, extern: Extern): boolean {
    if (scope.kind === 'instance type') return true;
    return new Visibility(named, this.#steps).register(extern);
  }

  #compare(actual: Extern, expected: Extern): string | undefined {
    return new Comparison(this.#steps).compare(actual, expected);
  }
}

const destructorType: CoreFunc = { params: ['i32'], results: [] };

function refuseAlike(name: string, offset: number): Error {
  return refuseComponent('names of one scope differ by more than case', quoteName(name), offset);
}

function refuseHidden(side: 'import' | 'export', { kind }: Extern, offset: number): Error {
  const rule = `all types that an ${side} mentions are named by an import or export before`;
  return refuseComponent(rule, `a ${kind} with others`, offset);
}
