/** The index spaces of one component, or of the type of one, while it is validated. */
import type { CoreSort, Sort } from './definitions.ts';
import type {
  ComponentType,
  CoreExtern,
  CoreFunc,
  CoreModuleType,
  Extern,
  InstanceType,
  TypeItem,
} from './externs.ts';
import { refuseComponent } from './limits.ts';
import { uniqueKey } from './names.ts';
import type { FuncType, ResourceType } from './types.ts';

export interface PlainCoreType {
  readonly kind: 'plain';
  readonly type: CoreFunc;
}

interface Spaces {
  readonly 'core func': CoreExtern[];
  readonly 'core table': CoreExtern[];
  readonly 'core memory': CoreExtern[];
  readonly 'core global': CoreExtern[];
  readonly 'core tag': CoreExtern[];
  readonly 'core type': (PlainCoreType | CoreModuleType)[];
  readonly 'core module': CoreModuleType[];
  readonly 'core instance': ReadonlyMap<string, CoreExtern>[];
  readonly func: FuncType[];
  readonly type: TypeItem[];
  readonly component: ComponentType[];
  readonly instance: InstanceType[];
}

export type ScopeKind = 'component' | 'component type' | 'instance type';
export type IndexedSort = keyof Spaces;

/** The names of one side, and what they stand for. */
export class Names {
  readonly externs = new Map<string, Extern>();
  /** What resources are called here: methods must say it in their names. */
  readonly resources = new Map<ResourceType, string>();
  readonly #keys = new Set<string>();

  /** False: there is one that is too much like it. */
  add(name: string, extern: Extern): boolean {
    const key = uniqueKey(name);
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    this.externs.set(name, extern);
    return true;
  }
}

export class Scope {
  readonly kind: ScopeKind;
  readonly parent: Scope | undefined;
  readonly imports = new Names();
  readonly exports = new Names();
  /** Types that have a name for whoever imports; those for whoever exports are more. */
  readonly importedTypes = new Set<object>();
  readonly exportedTypes = new Set<object>();
  /** Resources that are given, that are new, and that are defined right here. */
  readonly imported: number[] = [];
  readonly fresh: number[] = [];
  readonly local = new Set<number>();
  readonly #spaces: Spaces = {
    'core func': [],
    'core table': [],
    'core memory': [],
    'core global': [],
    'core tag': [],
    'core type': [],
    'core module': [],
    'core instance': [],
    func: [],
    type: [],
    component: [],
    instance: [],
  };

  constructor(kind: ScopeKind, parent: Scope | undefined) {
    this.kind = kind;
    this.parent = parent;
  }

  push<S extends IndexedSort>(sort: S, item: Spaces[S][number]): void {
    (this.#spaces[sort] as unknown[]).push(item);
  }

  /** Adds something of a core instance to its space. */
  pushCore(extern: CoreExtern): void {
    this.push(`core ${extern.kind}`, extern);
  }

  pushExtern(extern: Extern): void {
    (this.#spaces[extern.kind] as unknown[]).push(extern.type);
  }

  /** @throws TerrafirmaError `module-refused` where there is no such thing */
  get<S extends IndexedSort>(sort: S, index: number, offset: number): Spaces[S][number] {
    const item = this.#spaces[sort][index];
    if (item !== undefined) return item;
    throw refuseComponent(`a ${sort} must exist`, `index ${index}`, offset);
  }

  count(sort: IndexedSort): number {
    return this.#spaces[sort].length;
  }

  /** What an import or export of that sort would give. */
  extern(sort: Sort, index: number, offset: number): Extern {
    switch (sort) {
      case 'func':
        return { kind: sort, type: this.get(sort, index, offset) };
      case 'type':
        return { kind: sort, type: this.get(sort, index, offset) };
      case 'component':
        return { kind: sort, type: this.get(sort, index, offset) };
      case 'instance':
        return { kind: sort, type: this.get(sort, index, offset) };
      case 'core module':
        return { kind: sort, type: this.get(sort, index, offset) };
      default:
        throw refuseComponent('only things of components have names outside', `a ${sort}`, offset);
    }
  }
}

const externSorts: ReadonlySet<CoreSort> = new Set(['func', 'table', 'memory', 'global', 'tag']);

/** Whether core instances have things of that sort. */
export function isCoreExtern(sort: Sort): sort is `core ${CoreExtern['kind']}` {
  return sort.startsWith('core ') && externSorts.has(sort.slice('core '.length) as CoreSort);
}

/** @throws TerrafirmaError `module-refused` where there are not so many scopes around it */
export function scopeAbove(scope: Scope, count: number, offset: number): Scope {
  let target: Scope | undefined = scope;
  for (let level = 0; level < count && target !== undefined; level += 1) target = target.parent;
  if (target !== undefined) return target;
  throw refuseComponent('an alias leads to a scope around it', `${count} scopes out`, offset);
}
