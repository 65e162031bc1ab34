/** What `inspectModule` tells about a module: the words deploy, ABIs and the meter share. */
import type { Section } from './binary/sections.ts';

/**
 * Text form of a value type: `i32`, `i64`, `f32`, `f64`, `v128`, the nullable shorthands
 * (`funcref`, `externref`, `anyref`, `exnref` …), or `(ref null 5)` and `(ref func)`.
 */
export type ValueType = string;

export interface FuncType {
  readonly kind: 'func';
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A GC struct; `byteCount` is what V8 takes for one, its header included. */
export interface StructType {
  readonly kind: 'struct';
  readonly byteCount: number;
}

/** A GC array. */
export interface ArrayType {
  readonly kind: 'array';
  /** Bytes of one element. */
  readonly byteCount: number;
  /** Its elements are references. */
  readonly holdsReferences: boolean;
  /** Bytes of the element's storage type in the module: [elementStart, elementEnd). */
  readonly elementStart: number;
  readonly elementEnd: number;
}

/** A continuation or other type we know of but need nothing from is not accepted at all. */
export type CompositeType = FuncType | StructType | ArrayType;

export type ExternKind = 'func' | 'table' | 'memory' | 'global' | 'tag';

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Index in the index space of `kind`. */
  readonly index: number;
  /** The type of an imported function. */
  readonly type?: FuncType;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
  /** The type of an exported function. */
  readonly type?: FuncType;
}

export interface MemoryShape {
  readonly pagesMin: number;
  readonly pagesMax: number | undefined;
  readonly isShared: boolean;
  readonly is64: boolean;
  readonly isImported: boolean;
  /** Bytes of its limits in the module: [limitsStart, limitsEnd). */
  readonly limitsStart: number;
  readonly limitsEnd: number;
}

export interface TableShape {
  readonly type: ValueType;
  readonly entriesMin: number;
  readonly entriesMax: number | undefined;
  readonly is64: boolean;
  readonly isImported: boolean;
  /** Its initial value allocates a GC object. */
  readonly allocates: boolean;
  /** Bytes of the entry type in the module: [typeStart, typeEnd). */
  readonly typeStart: number;
  readonly typeEnd: number;
}

export interface GlobalShape {
  readonly type: ValueType;
  readonly isMutable: boolean;
  readonly isImported: boolean;
  /** Its initial value allocates a GC object. */
  readonly allocates: boolean;
  readonly typeStart: number;
  readonly typeEnd: number;
}

export type SegmentMode = 'active' | 'passive' | 'declared';

export interface ElementShape {
  readonly mode: SegmentMode;
  readonly type: ValueType;
  readonly entryCount: number;
  readonly allocates: boolean;
}

export interface DataShape {
  readonly mode: SegmentMode;
  readonly byteCount: number;
}

export type Feature =
  | 'atomics'
  | 'branch-hints'
  | 'bulk-memory'
  | 'exceptions'
  | 'extended-const'
  | 'gc'
  | 'legacy-exceptions'
  | 'memory64'
  | 'multi-memory'
  | 'multi-value'
  | 'nontrapping-conversions'
  | 'reference-types'
  | 'relaxed-simd'
  | 'shared-memory'
  | 'sign-extension'
  | 'simd'
  | 'tail-calls'
  | 'typed-function-references';

export interface ModuleShape {
  readonly types: readonly CompositeType[];
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** Type index of every function, imports first. */
  readonly functionTypes: Uint32Array;
  readonly importedFunctionCount: number;
  readonly memories: readonly MemoryShape[];
  readonly tables: readonly TableShape[];
  readonly globals: readonly GlobalShape[];
  /** Type index of every tag. */
  readonly tags: readonly number[];
  /** Index of the start function. */
  readonly start: number | undefined;
  readonly elements: readonly ElementShape[];
  readonly data: readonly DataShape[];
  /** Start and end of every body (local declarations included), in pairs. */
  readonly bodies: Uint32Array;
  readonly customSections: readonly string[];
  readonly features: ReadonlySet<Feature>;
  /** One byte an instruction of `binary/opcodes.ts`: 1 where some body has it. */
  readonly instructionsUsed: Uint8Array;
  /** One byte a loop, in the order of the code: bits of `LoopFact` in binary/scan.ts. */
  readonly loops: Uint8Array;
  readonly sections: readonly Section[];
}

/** How many parameters function number `functionIndex` has, imports counted. */
export function countParams(shape: ModuleShape, functionIndex: number): number {
  const type = shape.types[shape.functionTypes[functionIndex] ?? -1];
  return type?.kind === 'func' ? type.params.length : 0;
}

/** What a module may ask for. The defaults suit strangers; the configuration passes its own. */
export interface ModuleLimits {
  readonly moduleBytesMax: number;
  readonly typesMax: number;
  readonly functionsMax: number;
  readonly importsMax: number;
  readonly exportsMax: number;
  readonly globalsMax: number;
  readonly segmentsMax: number;
  readonly memoriesMax: number;
  /** 64 KiB pages a memory may ask for at the start, and the bound its growth gets. */
  readonly memoryPagesMax: number;
  readonly tablesMax: number;
  /** Entries of all tables together at the start, and the bound the growth of each gets. */
  readonly tableEntriesMax: number;
  readonly localsMax: number;
  /** Locals times control operators of one function: what compiling costs grows with it. */
  readonly compileWorkMax: number;
  /** Branches to one label: V8's optimiser ends the process at the 65,536th. */
  readonly labelEdgesMax: number;
}

export const defaultModuleLimits: ModuleLimits = {
  moduleBytesMax: 64 * 1024 * 1024,
  typesMax: 100_000,
  functionsMax: 200_000,
  importsMax: 1_000,
  exportsMax: 10_000,
  globalsMax: 100_000,
  segmentsMax: 100_000,
  memoriesMax: 8,
  memoryPagesMax: 2_048,
  tablesMax: 64,
  tableEntriesMax: 100_000,
  localsMax: 50_000,
  compileWorkMax: 4_000_000,
  labelEdgesMax: 30_000,
};
