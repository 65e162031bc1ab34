/**
 * The definitions of a component as they stand in its bytes: what `decode.ts` makes and validation
 * and linking read. Numbers are indices into the index spaces of the component that has them.
 */
import type { CompositeType, ValueType as CoreValueType } from '../shape.ts';
import type { Primitive } from './types.ts';

export type CoreSort =
  | 'func'
  | 'table'
  | 'memory'
  | 'global'
  | 'tag'
  | 'type'
  | 'module'
  | 'instance';
export type Sort = `core ${CoreSort}` | 'func' | 'value' | 'type' | 'component' | 'instance';

export interface Placed {
  /** Of its first byte in the file. */
  readonly offset: number;
}

/** One component, itself or nested. */
export interface ComponentDefinition extends Placed {
  readonly definitions: readonly Definition[];
}

export interface Reference {
  readonly sort: Sort;
  readonly index: number;
}

export interface NamedReference extends Reference {
  readonly name: string;
}

/** A name of an import or export, and what else is said of it. */
export interface DeclaredName {
  readonly name: string;
  readonly implementedInterface: string | undefined;
}

export interface CoreLimits {
  readonly min: number;
  readonly max: number | undefined;
  readonly isShared: boolean;
  readonly is64: boolean;
}

/** What a core module imports or exports; functions by an index of core types. */
export type CoreExternDefinition =
  | { readonly kind: 'func' | 'tag'; readonly type: number }
  | { readonly kind: 'table'; readonly element: CoreValueType; readonly limits: CoreLimits }
  | { readonly kind: 'memory'; readonly limits: CoreLimits }
  | { readonly kind: 'global'; readonly type: CoreValueType; readonly isMutable: boolean };

export type ModuleDeclaration =
  | {
      readonly kind: 'import';
      readonly module: string;
      readonly name: string;
      readonly extern: CoreExternDefinition;
    }
  | { readonly kind: 'export'; readonly name: string; readonly extern: CoreExternDefinition }
  | { readonly kind: 'type'; readonly type: CompositeType }
  | { readonly kind: 'outer-type'; readonly count: number; readonly index: number };

export type CoreTypeDefinition =
  | { readonly kind: 'plain'; readonly type: CompositeType }
  | { readonly kind: 'module'; readonly declarations: readonly (ModuleDeclaration & Placed)[] };

/** A primitive, or the index of a type. */
export type ValueReference = Primitive | number;

export interface NamedValue<T = ValueReference> {
  readonly name: string;
  readonly type: T;
}

export type ValueDefinition =
  | { readonly kind: 'primitive'; readonly type: Primitive }
  | { readonly kind: 'record'; readonly fields: readonly NamedValue[] }
  | { readonly kind: 'variant'; readonly cases: readonly NamedValue<ValueReference | undefined>[] }
  | { readonly kind: 'list'; readonly element: ValueReference }
  | { readonly kind: 'map'; readonly key: ValueReference; readonly value: ValueReference }
  | { readonly kind: 'tuple'; readonly items: readonly ValueReference[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly some: ValueReference }
  | {
      readonly kind: 'result';
      readonly ok: ValueReference | undefined;
      readonly error: ValueReference | undefined;
    }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }
  | { readonly kind: 'stream' | 'future'; readonly element: ValueReference | undefined };

export interface FuncDefinition {
  readonly kind: 'func';
  readonly isAsync: boolean;
  readonly params: readonly NamedValue[];
  readonly result: ValueReference | undefined;
}

export type TypeDefinition =
  | ValueDefinition
  | FuncDefinition
  | { readonly kind: 'resource'; readonly destructor: number | undefined }
  | { readonly kind: 'component' | 'instance'; readonly definitions: readonly Definition[] };

export type ExternDefinition =
  | { readonly kind: 'core module' | 'func' | 'component' | 'instance'; readonly type: number }
  | { readonly kind: 'type'; readonly equal: number | undefined };

export interface CanonOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
  readonly isAsync: boolean;
  readonly callback: number | undefined;
}

export type Canon =
  | {
      readonly kind: 'lift';
      readonly func: number;
      readonly options: CanonOptions;
      readonly type: number;
    }
  | { readonly kind: 'lower'; readonly func: number; readonly options: CanonOptions }
  | { readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep'; readonly type: number }
  | {
      readonly kind: 'task.return';
      readonly result: ValueReference | undefined;
      readonly options: CanonOptions;
    }
  | { readonly kind: 'context.get' | 'context.set'; readonly slot: number }
  | {
      readonly kind: `${'stream' | 'future'}.${'read' | 'write'}`;
      readonly type: number;
      readonly options: CanonOptions;
    }
  | {
      readonly kind: `${'stream' | 'future'}.${'cancel-read' | 'cancel-write'}`;
      readonly type: number;
      readonly isAsync: boolean;
    }
  | {
      readonly kind: `${'stream' | 'future'}.${'new' | 'drop-readable' | 'drop-writable'}`;
      readonly type: number;
    }
  | { readonly kind: 'waitable-set.wait' | 'waitable-set.poll'; readonly memory: number }
  | { readonly kind: 'subtask.cancel'; readonly isAsync: boolean }
  | {
      readonly kind:
        | 'task.cancel'
        | 'subtask.drop'
        | 'thread.yield'
        | 'waitable-set.new'
        | 'waitable-set.drop'
        | 'waitable.join'
        | 'backpressure.inc'
        | 'backpressure.dec';
    };

export interface ExportAlias {
  readonly sort: Sort;
  readonly instance: number;
  readonly name: string;
}

export type Definition = Placed &
  (
    | { readonly kind: 'core module'; readonly end: number }
    | {
        readonly kind: 'core instantiate';
        readonly module: number;
        readonly args: readonly { readonly name: string; readonly instance: number }[];
      }
    | { readonly kind: 'core bag'; readonly exports: readonly NamedReference[] }
    | { readonly kind: 'core type'; readonly type: CoreTypeDefinition }
    | { readonly kind: 'component'; readonly component: ComponentDefinition }
    | {
        readonly kind: 'instantiate';
        readonly component: number;
        readonly args: readonly NamedReference[];
      }
    | { readonly kind: 'bag'; readonly exports: readonly (DeclaredName & Reference)[] }
    | ({ readonly kind: 'alias export' } & ExportAlias)
    | ({ readonly kind: 'alias core export' } & ExportAlias)
    | {
        readonly kind: 'alias outer';
        readonly sort: Sort;
        readonly count: number;
        readonly index: number;
      }
    | { readonly kind: 'type'; readonly type: TypeDefinition }
    | { readonly kind: 'canon'; readonly canon: Canon }
    | { readonly kind: 'import'; readonly name: DeclaredName; readonly extern: ExternDefinition }
    | {
        readonly kind: 'export';
        readonly name: DeclaredName;
        readonly reference: Reference;
        readonly extern: ExternDefinition | undefined;
      }
    /** In a type: that it exports something of that kind. */
    | {
        readonly kind: 'export type';
        readonly name: DeclaredName;
        readonly extern: ExternDefinition;
      }
  );
