/** What components and their instances consist of, by type; and what core modules do. */
import type { CompositeType, ValueType as CoreValueType, ModuleShape } from '../shape.ts';
import type { CoreLimits } from './definitions.ts';
import type { FuncType, ResourceType, ValueType } from './types.ts';

export interface CoreFunc {
  readonly params: readonly CoreValueType[];
  readonly results: readonly CoreValueType[];
}

export type CoreExtern =
  | { readonly kind: 'func' | 'tag'; readonly type: CoreFunc }
  | { readonly kind: 'table'; readonly element: CoreValueType; readonly limits: CoreLimits }
  | { readonly kind: 'memory'; readonly limits: CoreLimits }
  | { readonly kind: 'global'; readonly type: CoreValueType; readonly isMutable: boolean };

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly extern: CoreExtern;
}

export interface CoreModuleType {
  readonly kind: 'core module';
  readonly imports: readonly CoreImport[];
  readonly exports: ReadonlyMap<string, CoreExtern>;
}

export interface InstanceType {
  readonly kind: 'instance';
  readonly exports: ReadonlyMap<string, Extern>;
  /** Resources that are new in each instance of this type. */
  readonly fresh: readonly number[];
}

export interface ComponentType {
  readonly kind: 'component';
  readonly imports: ReadonlyMap<string, Extern>;
  readonly exports: ReadonlyMap<string, Extern>;
  /** Resources that whoever instantiates it gives. */
  readonly imported: readonly number[];
  /** Resources that are new in each of its instances. */
  readonly fresh: readonly number[];
}

export type TypeItem = ValueType | ResourceType | FuncType | InstanceType | ComponentType;

/** Something imported or exported. */
export type Extern =
  | { readonly kind: 'func'; readonly type: FuncType }
  | { readonly kind: 'core module'; readonly type: CoreModuleType }
  | { readonly kind: 'component'; readonly type: ComponentType }
  | { readonly kind: 'instance'; readonly type: InstanceType }
  | { readonly kind: 'type'; readonly type: TypeItem };

const notValues: ReadonlySet<string> = new Set(['resource', 'func', 'instance', 'component']);

export function isValueType(type: TypeItem): type is ValueType {
  return !notValues.has(type.kind);
}

/** The type of a core module whose bytes were read. */
export function moduleTypeOf(shape: ModuleShape): CoreModuleType {
  const externOf = (kind: CoreExtern['kind'], index: number): CoreExtern =>
    externAt(shape, kind, index);
  return {
    kind: 'core module',
    imports: shape.imports.map(({ module, name, kind, index }) => ({
      module,
      name,
      extern: externOf(kind, index),
    })),
    exports: new Map(shape.exports.map(({ name, kind, index }) => [name, externOf(kind, index)])),
  };
}

function externAt(shape: ModuleShape, kind: CoreExtern['kind'], index: number): CoreExtern {
  if (kind === 'func') return { kind, type: funcAt(shape.types, shape.functionTypes[index]) };
  if (kind === 'tag') return { kind, type: funcAt(shape.types, shape.tags[index]) };
  if (kind === 'global') {
    const global = shape.globals[index];
    return { kind, type: global?.type ?? 'i32', isMutable: global?.isMutable === true };
  }
  if (kind === 'memory') {
    const memory = shape.memories[index];
    const { pagesMin = 0, pagesMax, isShared = false, is64 = false } = memory ?? {};
    return { kind, limits: { min: pagesMin, max: pagesMax, isShared, is64 } };
  }
  const { type = 'funcref', entriesMin = 0, entriesMax, is64 = false } = shape.tables[index] ?? {};
  return {
    kind,
    element: type,
    limits: { min: entriesMin, max: entriesMax, isShared: false, is64 },
  };
}

function funcAt(types: readonly CompositeType[], index: number | undefined): CoreFunc {
  const type = types[index ?? -1];
  return type?.kind === 'func' ? type : { params: [], results: [] };
}
