/** What the index spaces of a component hold while it is linked. */
import type { Link } from '../meter/contract.ts';
import type { ModuleShape } from '../shape.ts';
import type { ComponentDefinition } from './definitions.ts';
import type { TypeItem } from './externs.ts';
import type { CoreExport, CrossingOptions } from './plan.ts';
import type { FuncType } from './types.ts';

/** A core module to instantiate. */
export interface PlannedCore {
  /** Where its bytes lie in the file. */
  readonly start: number;
  readonly end: number;
  /** Of a module that is not in the file. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly shape: ModuleShape;
  readonly links: readonly Link[];
}

export interface Lifted {
  readonly kind: 'lifted';
  readonly type: FuncType;
  readonly func: CoreExport;
  readonly options: CrossingOptions;
}

export interface HostFunc {
  readonly kind: 'host';
  readonly type: FuncType;
  readonly interface: string;
  readonly name: string;
}

export interface ModuleItem {
  readonly kind: 'module';
  readonly start: number;
  readonly end: number;
}

export interface ComponentItem {
  readonly kind: 'component';
  readonly definition: ComponentDefinition;
  readonly scope: LinkScope;
}

export interface InstanceItem {
  readonly kind: 'instance';
  readonly exports: ReadonlyMap<string, Item>;
}

export type Item = Lifted | HostFunc | ModuleItem | ComponentItem | InstanceItem | TypeItem;

/** Something of a core instance. */
export type CoreItem =
  | ({ readonly kind: 'export' } & CoreExport)
  | { readonly kind: 'trampoline'; readonly number: number };

export type CoreInstanceItem =
  | { readonly kind: 'core'; readonly core: number }
  | { readonly kind: 'bag'; readonly exports: ReadonlyMap<string, CoreItem> };

/** The index spaces of one component instance. */
export class LinkScope {
  readonly parent: LinkScope | undefined;
  readonly instance: number;
  readonly exports = new Map<string, Item>();
  readonly #spaces = new Map<string, unknown[]>();

  constructor(parent: LinkScope | undefined, instance: number) {
    this.parent = parent;
    this.instance = instance;
  }

  push(sort: string, item: unknown): void {
    const space = this.#spaces.get(sort);
    if (space === undefined) this.#spaces.set(sort, [item]);
    else space.push(item);
  }

  /** It was validated that it is there, and what it is. */
  get<T>(sort: string, index: number): T {
    const item = this.#spaces.get(sort)?.[index];
    if (item === undefined) throw new TypeError(`Cannot link: no ${sort} ${index}`);
    return item as T;
  }
}

export function itemsOf(
  scope: LinkScope,
  references: readonly { readonly name: string; readonly sort: string; readonly index: number }[],
): ReadonlyMap<string, Item> {
  return new Map(
    references.map(({ name, sort, index }) => [name, scope.get<Item>(sort, index)] as const),
  );
}

export function coreItemOf(instance: CoreInstanceItem, name: string): CoreItem | undefined {
  if (instance.kind === 'bag') return instance.exports.get(name);
  return { kind: 'export', core: instance.core, export: name };
}
