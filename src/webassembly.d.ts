/**
 * The part of the WebAssembly JavaScript API that we use, with JavaScript Promise Integration,
 * which TypeScript's DOM library does not have yet. The DOM library itself stays out: its globals
 * do not exist here.
 */
declare namespace WebAssembly {
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  type ImportExportKind = 'function' | 'global' | 'memory' | 'table' | 'tag';
  type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'externref' | 'anyfunc' | 'exnref';
  type ExportValue = unknown;
  type Exports = Readonly<Record<string, ExportValue>>;
  type ImportValue = unknown;
  type Imports = Record<string, Record<string, ImportValue>>;

  interface ModuleImportDescriptor {
    readonly module: string;
    readonly name: string;
    readonly kind: ImportExportKind;
  }

  interface ModuleExportDescriptor {
    readonly name: string;
    readonly kind: ImportExportKind;
  }

  class Module {
    constructor(bytes: ArrayBufferLike | ArrayBufferView);
    static imports(module: Module): ModuleImportDescriptor[];
    static exports(module: Module): ModuleExportDescriptor[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class Memory {
    constructor(descriptor: {
      initial: number | bigint;
      maximum?: number | bigint;
      shared?: boolean;
      address?: 'i32' | 'i64';
    });
    readonly buffer: ArrayBuffer;
    grow(pages: number | bigint): number | bigint;
  }

  class Table {
    constructor(
      descriptor: { element: string; initial: number; maximum?: number },
      value?: unknown,
    );
    readonly length: number;
    get(index: number): unknown;
    set(index: number, value?: unknown): void;
    grow(count: number, value?: unknown): number;
  }

  class Global<T = unknown> {
    constructor(descriptor: { value: ValueType; mutable?: boolean }, value?: T);
    value: T;
  }

  class Tag {
    constructor(type: { parameters: ValueType[] });
  }

  class Exception extends Error {
    constructor(tag: Tag, payload: unknown[]);
  }

  /** An import that may return a promise: the guest is suspended until it settles. */
  class Suspending {
    constructor(callback: (...args: never[]) => unknown);
  }

  /** An export whose call returns a promise and which may reach suspending imports. */
  function promising(
    exported: (...args: never[]) => unknown,
  ): (...args: unknown[]) => Promise<unknown>;

  function validate(bytes: ArrayBufferLike | ArrayBufferView): boolean;
  function compile(bytes: ArrayBufferLike | ArrayBufferView): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
}
