/**
 * What a component comes to once it is linked: core modules in the order of their instantiation,
 * what each imports, and what crosses between them and the host. Plain data: it is sent to the
 * threads that run it. Names are a stranger's and stay strings.
 */
import type { FuncType, ResourceType, ValueType } from './types.ts';

/** An export of a core module of the program. */
export interface CoreExport {
  readonly core: number;
  readonly export: string;
}

/** How values cross at one place. */
export interface CrossingOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  /** Whose memory 0 has the data. */
  readonly memory: number | undefined;
  readonly realloc: CoreExport | undefined;
  readonly postReturn: CoreExport | undefined;
  /** The component instance whose handles these are. */
  readonly instance: number;
  /** Lowered: the call answers before it is done. Lifted: the answer comes by `task.return`. */
  readonly isAsync: boolean;
  /** Of an async function that gives up its stack when it waits. */
  readonly callback: CoreExport | undefined;
}

/** A function that a core module imports and the host answers. */
export type Trampoline =
  | HostTrampoline
  | GuestTrampoline
  | ResourceTrampoline
  | ContextTrampoline
  | TaskTrampoline;

export interface HostTrampoline {
  readonly kind: 'host';
  readonly interface: string;
  readonly name: string;
  readonly type: FuncType;
  readonly options: CrossingOptions;
}

/** A call of another component instance of the program. */
export interface GuestTrampoline {
  readonly kind: 'guest';
  readonly type: FuncType;
  /** The caller's. */
  readonly options: CrossingOptions;
  readonly callee: { readonly func: CoreExport; readonly options: CrossingOptions };
}

export interface ResourceTrampoline {
  readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep';
  readonly resource: ResourceType;
  readonly instance: number;
}

/** Words of a task's own. */
export interface ContextTrampoline {
  readonly kind: 'context.get' | 'context.set';
  readonly slot: number;
}

/** A built-in function for tasks and what they wait for. */
export type TaskTrampoline =
  | {
      readonly kind: 'task.return';
      readonly result: ValueType | undefined;
      readonly options: CrossingOptions;
    }
  | {
      readonly kind: 'waitable-set.wait' | 'waitable-set.poll';
      readonly options: CrossingOptions;
    }
  | {
      readonly kind: 'subtask.cancel';
      readonly isAsync: boolean;
      readonly instance: number;
    }
  | {
      readonly kind:
        | 'task.cancel'
        | 'backpressure.inc'
        | 'backpressure.dec'
        | 'thread.yield'
        | 'waitable-set.new'
        | 'waitable-set.drop'
        | 'waitable.join'
        | 'subtask.drop';
      readonly instance: number;
    }
  | EndTrampoline;

/** A built-in function for ends of streams and futures. */
export interface EndTrampoline {
  readonly kind: 'stream' | 'future';
  readonly operation:
    | 'new'
    | 'read'
    | 'write'
    | 'cancel-read'
    | 'cancel-write'
    | 'drop-readable'
    | 'drop-writable';
  readonly element: ValueType | undefined;
  readonly instance: number;
  /** Left out: it does not wait in any case. */
  readonly isAsync: boolean;
  /** Of `read` and `write`: where elements lie. */
  readonly options: CrossingOptions | undefined;
}

/** A core module's import that the host answers. */
export interface HostImport {
  readonly module: string;
  readonly name: string;
  /** Number among the plan's. */
  readonly trampoline: number;
}

export type PlannedResource = ResourceType & {
  /** Equal for resources that are the same, such as those of two versions of an interface. */
  readonly identity: number;
} & (
    | { readonly origin: 'host'; readonly interface: string; readonly name: string }
    | {
        readonly origin: 'guest';
        readonly instance: number;
        readonly destructor: CoreExport | undefined;
      }
  );

/** A function that the component exports. */
export interface PlannedExport {
  /** Of an instance; the function's own name where it is exported by itself. */
  readonly interface: string;
  readonly name: string;
  readonly type: FuncType;
  readonly func: CoreExport;
  readonly options: CrossingOptions;
}

export interface ComponentPlan {
  readonly trampolines: readonly Trampoline[];
  /** For each core module. */
  readonly hostImports: readonly (readonly HostImport[])[];
  readonly resources: readonly PlannedResource[];
  readonly exports: readonly PlannedExport[];
  /** Names of all that it imports, used or not. */
  readonly imports: readonly string[];
  /** For each component instance the one that made it; undefined for the program itself. */
  readonly instanceParents: readonly (number | undefined)[];
}
