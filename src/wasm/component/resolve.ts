/**
 * Links a component: runs its definitions once, with symbols in place of values, and writes down
 * what comes to pass. Nested components are instantiated in place, as often as it is asked for;
 * what is left is flat. Everything was validated before.
 */
import { inspectModule } from '../inspect.ts';
import type { Link } from '../meter/contract.ts';
import type { ComponentDefinition, Definition } from './definitions.ts';
import type { Extern, TypeItem } from './externs.ts';
import { type ComponentLimits, quoteName, refuseComponent } from './limits.ts';
import { CanonLinker } from './link-canon.ts';
import {
  type ComponentItem,
  type CoreInstanceItem,
  type CoreItem,
  coreItemOf,
  type InstanceItem,
  type Item,
  itemsOf,
  type Lifted,
  LinkScope,
  type ModuleItem,
  type PlannedCore,
} from './link-scope.ts';
import { compatibleName } from './names.ts';
import { passedFrom, passedName, passingModule } from './passing.ts';
import type {
  ComponentPlan,
  CoreExport,
  HostImport,
  PlannedExport,
  PlannedResource,
  Trampoline,
} from './plan.ts';
import { ResourceIds } from './substitution.ts';
import type { CoreSignature, ResourceType } from './types.ts';
import type { ValidComponent } from './validate.ts';
import { TypeBuilder, TypeFacts } from './validate-types.ts';

export interface LinkedComponent {
  readonly cores: readonly PlannedCore[];
  readonly plan: ComponentPlan;
}

type Of<K extends Definition['kind']> = Extract<Definition, { kind: K }>;

/**
 * The component, linked.
 *
 * @throws TerrafirmaError `module-refused` for what is not served yet, and past the limits
 */
export function linkComponent(
  component: ComponentDefinition,
  valid: ValidComponent,
  limits: ComponentLimits,
): LinkedComponent {
  return new Linking(valid, limits).run(component);
}

class Linking {
  readonly #valid: ValidComponent;
  readonly #limits: ComponentLimits;
  readonly #facts: TypeFacts;
  readonly #canons: CanonLinker;
  /** Interface and name of a resource of the host → the first number that it has. */
  readonly #identities = new Map<string, number>();
  readonly #ids = new ResourceIds();
  readonly #cores: PlannedCore[] = [];
  readonly #hostImports: HostImport[][] = [];
  readonly #trampolines: Trampoline[] = [];
  readonly #resources: PlannedResource[] = [];
  readonly #instanceParents: (number | undefined)[] = [];

  constructor(valid: ValidComponent, limits: ComponentLimits) {
    this.#valid = valid;
    this.#limits = limits;
    this.#facts = new TypeFacts(limits);
    this.#canons = new CanonLinker(limits, this.#cores);
  }

  run(component: ComponentDefinition): LinkedComponent {
    const { imports } = this.#valid.type;
    const given = new Map<string, Item>();
    for (const [name, extern] of imports) given.set(name, this.#hostItem(extern, name, name));
    const exports = this.#instantiate({
      ...{ definition: component, parent: undefined, maker: undefined, given },
    });
    return {
      cores: this.#cores,
      plan: {
        trampolines: this.#trampolines,
        hostImports: this.#hostImports,
        resources: this.#resources,
        exports: this.#planExports(exports),
        imports: [...imports.keys()],
        instanceParents: this.#instanceParents,
      },
    };
  }

  /** What the host gives for an import. */
  #hostItem(extern: Extern, owner: string, name: string): Item {
    if (extern.kind === 'func') return { kind: 'host', type: extern.type, interface: owner, name };
    if (extern.kind === 'type') {
      if (extern.type.kind === 'resource') this.#noteHostResource(extern.type, owner, name);
      return extern.type;
    }
    if (extern.kind === 'instance') {
      const exports = new Map<string, Item>();
      for (const [each, inner] of extern.type.exports) {
        exports.set(each, this.#hostItem(inner, owner, each));
      }
      return { kind: 'instance', exports };
    }
    const rule = 'what it imports are functions, types and instances of them';
    throw refuseComponent(rule, `a ${extern.kind} ${quoteName(name)}`, 0);
  }

  /** The first to name a resource is its owner: others can only say that theirs is equal. */
  #noteHostResource({ id }: ResourceType, owner: string, name: string): void {
    if (this.#resources.some((each) => each.id === id)) return;
    const key = `${compatibleName(owner)}#${name}`;
    const identity = this.#identities.get(key) ?? id;
    this.#identities.set(key, identity);
    this.#resources.push({
      kind: 'resource',
      id,
      identity,
      origin: 'host',
      interface: owner,
      name,
    });
  }

  #instantiate(how: {
    readonly definition: ComponentDefinition;
    /** Where it is defined. */
    readonly parent: LinkScope | undefined;
    /** The instance that instantiates it. */
    readonly maker: number | undefined;
    readonly given: ReadonlyMap<string, Item>;
  }): ReadonlyMap<string, Item> {
    const { definition, parent, maker, given } = how;
    const { instancesMax } = this.#limits;
    if (this.#instanceParents.length >= instancesMax) {
      const rule = `it comes to at most ${instancesMax} instances of components`;
      throw refuseComponent(rule, 'more', definition.offset);
    }
    const scope = new LinkScope(parent, this.#instanceParents.push(maker) - 1);
    for (const each of definition.definitions) this.#run(scope, each, given);
    return scope.exports;
  }

  #run(scope: LinkScope, definition: Definition, given: ReadonlyMap<string, Item>): void {
    switch (definition.kind) {
      case 'core module': {
        const { offset: start, end } = definition;
        scope.push('core module', { kind: 'module', start, end } satisfies ModuleItem);
        return;
      }
      case 'core instantiate':
        this.#coreInstantiate(scope, definition);
        return;
      case 'core bag': {
        const items = definition.exports.map(
          ({ name, sort, index }) => [name, scope.get<CoreItem>(sort, index)] as const,
        );
        const bag: CoreInstanceItem = { kind: 'bag', exports: new Map(items) };
        scope.push('core instance', bag);
        return;
      }
      case 'core type':
        scope.push('core type', definition.type);
        return;
      case 'component':
        scope.push('component', {
          kind: 'component',
          definition: definition.component,
          scope,
        } satisfies ComponentItem);
        return;
      case 'type':
        scope.push('type', this.#type(scope, definition));
        return;
      case 'canon':
        this.#canon(scope, definition);
        return;
      default:
        this.#runNamed(scope, definition, given);
        return;
    }
  }

  #runNamed(
    scope: LinkScope,
    definition: Of<
      | 'instantiate'
      | 'bag'
      | 'alias export'
      | 'alias core export'
      | 'alias outer'
      | 'import'
      | 'export'
      | 'export type'
    >,
    given: ReadonlyMap<string, Item>,
  ): void {
    switch (definition.kind) {
      case 'instantiate': {
        const component = scope.get<ComponentItem>('component', definition.component);
        const { definition: inner, scope: parent } = component;
        const given = itemsOf(scope, definition.args);
        const maker = scope.instance;
        const exports = this.#instantiate({ definition: inner, parent, maker, given });
        scope.push('instance', { kind: 'instance', exports } satisfies InstanceItem);
        return;
      }
      case 'bag': {
        const exports = itemsOf(scope, definition.exports);
        scope.push('instance', { kind: 'instance', exports } satisfies InstanceItem);
        return;
      }
      case 'alias export': {
        const instance = scope.get<InstanceItem>('instance', definition.instance);
        scope.push(definition.sort, instance.exports.get(definition.name));
        return;
      }
      case 'alias core export': {
        const instance = scope.get<CoreInstanceItem>('core instance', definition.instance);
        scope.push(definition.sort, coreItemOf(instance, definition.name));
        return;
      }
      case 'alias outer': {
        let target: LinkScope | undefined = scope;
        for (let level = 0; level < definition.count; level += 1) target = target?.parent;
        scope.push(definition.sort, target?.get(definition.sort, definition.index));
        return;
      }
      case 'import':
        scope.push(definition.extern.kind, given.get(definition.name.name));
        return;
      case 'export': {
        const { sort, index } = definition.reference;
        const item = scope.get<Item>(sort, index);
        scope.exports.set(definition.name.name, item);
        scope.push(sort, item);
        return;
      }
      default:
        throw new TypeError('Cannot link: a declaration of a type stands among definitions');
    }
  }

  #coreInstantiate(scope: LinkScope, { module, args, offset }: Of<'core instantiate'>): void {
    this.#requireRoomForCore(offset);
    const { start, end } = scope.get<ModuleItem>('core module', module);
    const shape = this.#valid.modules.get(start);
    if (shape === undefined) throw new TypeError('Cannot link: a core module was not read');
    const given = new Map(
      args.map(({ name, instance }) => [
        name,
        scope.get<CoreInstanceItem>('core instance', instance),
      ]),
    );
    const links: Link[] = [];
    const hostImports: HostImport[] = [];
    for (const { module: from, name } of shape.imports) {
      const instance = given.get(from);
      const item = instance === undefined ? undefined : coreItemOf(instance, name);
      if (item?.kind === 'export') {
        links.push({ module: from, name, core: item.core, export: item.export });
      } else if (item !== undefined) {
        hostImports.push({ module: from, name, trampoline: item.number });
      }
    }
    const core = this.#cores.push({ start, end, shape, links }) - 1;
    this.#hostImports.push(hostImports);
    scope.push('core instance', { kind: 'core', core } satisfies CoreInstanceItem);
  }

  #type(scope: LinkScope, { type, offset }: Of<'type'>): TypeItem {
    const builder = new TypeBuilder((index) => scope.get<TypeItem>('type', index), offset);
    switch (type.kind) {
      case 'func':
        return builder.func(type, this.#facts);
      case 'resource': {
        // Apart from those of the host, which validation has numbered.
        const resource: ResourceType = { kind: 'resource', id: -this.#ids.next().id };
        const destructor =
          type.destructor === undefined
            ? undefined
            : this.#canons.exportOf(scope, type.destructor, 'a destructor', offset);
        const { instance } = scope;
        this.#resources.push({
          ...resource,
          identity: resource.id,
          origin: 'guest',
          instance,
          destructor,
        });
        return resource;
      }
      case 'component':
        return { kind: 'component', imports: none, exports: none, imported: [], fresh: [] };
      case 'instance':
        return { kind: 'instance', exports: none, fresh: [] };
      default:
        return builder.define(type, this.#facts);
    }
  }

  #canon(scope: LinkScope, { canon, offset }: Of<'canon'>): void {
    if (canon.kind === 'lift') {
      const exportOf = (item: CoreItem, signature: CoreSignature): CoreExport =>
        item.kind === 'export'
          ? { core: item.core, export: item.export }
          : this.#passOn(item.number, signature, offset);
      scope.push('func', this.#canons.lift(scope, canon, { offset, exportOf }));
      return;
    }
    const number = this.#trampolines.push(this.#canons.trampoline(scope, canon, offset)) - 1;
    scope.push('core func', { kind: 'trampoline', number } satisfies CoreItem);
  }

  /** A core module of ours with a function that is the host's. */
  #passOn(trampoline: number, signature: CoreSignature, offset: number): CoreExport {
    this.#requireRoomForCore(offset);
    const bytes = passingModule(signature);
    const shape = inspectModule(bytes);
    const core = this.#cores.push({ start: 0, end: 0, bytes, shape, links: [] }) - 1;
    this.#hostImports.push([{ module: passedFrom, name: passedName, trampoline }]);
    return { core, export: passedName };
  }

  #requireRoomForCore(offset: number): void {
    const { coreInstancesMax } = this.#limits;
    if (this.#cores.length < coreInstancesMax) return;
    const rule = `it comes to at most ${coreInstancesMax} core instances`;
    throw refuseComponent(rule, 'more', offset);
  }

  #planExports(exports: ReadonlyMap<string, Item>): readonly PlannedExport[] {
    const planned: PlannedExport[] = [];
    for (const [name, item] of exports) {
      if (item.kind === 'lifted') planned.push(planExport(name, name, item));
      if (item.kind !== 'instance' || !isInstance(item)) continue;
      for (const [inner, each] of item.exports) {
        if (each.kind === 'lifted') planned.push(planExport(name, inner, each));
      }
    }
    return planned;
  }
}

const none: ReadonlyMap<string, Extern> = new Map();

/** A type of instances has the same kind. */
function isInstance(item: Item): item is InstanceItem {
  return item.kind === 'instance' && !('fresh' in item);
}

function planExport(owner: string, name: string, { type, func, options }: Lifted): PlannedExport {
  return { interface: owner, name, type, func, options };
}
