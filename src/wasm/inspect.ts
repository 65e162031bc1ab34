/**
 * Reads a module without running or compiling it: what it imports, exports, declares and uses, and
 * whether it stays within limits. Everything behind this door takes the `ModuleShape` for granted.
 */
import { ModuleDecoder } from './binary/decode.ts';
import { gcBase, miscBase, Op, opCount, simdBase } from './binary/opcodes.ts';
import { refuseAsked, refuseModule } from './binary/reader.ts';
import { type CodeFacts, scanCode } from './binary/scan.ts';
import { readSections, type Section, SectionId } from './binary/sections.ts';
import { requireCoreModule } from './recognise.ts';
import { defaultModuleLimits, type Feature, type ModuleLimits, type ModuleShape } from './shape.ts';

export {
  type CompositeType,
  defaultModuleLimits,
  type ExternKind,
  type Feature,
  type FuncType,
  type ModuleExport,
  type ModuleImport,
  type ModuleLimits,
  type ModuleShape,
  type ValueType,
} from './shape.ts';

/**
 * The shape of the module in `bytes`. Bodies are walked, not type checked: `WebAssembly.validate`
 * does that.
 *
 * @throws `TerrafirmaError('module-refused')` with the offset for anything that is not a complete
 *   core module within `limits`
 */
export function inspectModule(
  bytes: Uint8Array,
  limits: ModuleLimits = defaultModuleLimits,
): ModuleShape {
  if (bytes.length > limits.moduleBytesMax) {
    throw refuseAsked(crossed('bytes', limits.moduleBytesMax, bytes.length, 'module_bytes_max'));
  }
  requireCoreModule(bytes);
  const sections = readSections(bytes);
  const decoder = new ModuleDecoder(bytes, { ...limits, ...countsRead });
  for (const section of sections) {
    if (section.id !== SectionId.custom) decoder.decode(section);
  }
  requireBodies(decoder, bytes.length);
  checkLimits(decoder, limits);
  const code = scanCode(bytes, decoder.bodies, limits, decoder.importedFunctionCount);
  return buildShape(decoder, code, sections);
}

function buildShape(
  decoder: ModuleDecoder,
  code: CodeFacts,
  sections: readonly Section[],
): ModuleShape {
  const customSections = sections
    .filter((section) => section.id === SectionId.custom)
    .map((section) => section.name);
  return {
    types: decoder.types,
    imports: decoder.imports,
    exports: decoder.exports,
    functionTypes: Uint32Array.from(decoder.functionTypes),
    importedFunctionCount: decoder.importedFunctionCount,
    memories: decoder.memories,
    tables: decoder.tables,
    globals: decoder.globals,
    tags: decoder.tags,
    start: decoder.start,
    elements: decoder.elements,
    data: decoder.data,
    bodies: decoder.bodies,
    customSections,
    features: findFeatures(decoder, code, customSections),
    instructionsUsed: code.instructionsUsed,
    loops: code.loops,
    sections,
  };
}

function requireBodies(decoder: ModuleDecoder, end: number): void {
  const declared = decoder.functionTypes.length - decoder.importedFunctionCount;
  if (decoder.bodies.length !== declared * 2) {
    throw refuseModule(`${declared} declared functions need a body`, 'none', end);
  }
}

/** All limits that are crossed, at once: whoever raises one should not meet the next. */
function checkLimits(decoder: ModuleDecoder, limits: ModuleLimits): void {
  const { imports, memories, tables } = decoder;
  const functions = decoder.functionTypes.length - decoder.importedFunctionCount;
  const entries = tables.reduce((sum, table) => sum + table.entriesMin, 0);
  const pages = memories.reduce((sum, memory) => sum + memory.pagesMin, 0);
  const faults = [
    ...over('functions', limits.functionsMax, functions, 'functions_max'),
    ...over('imports', limits.importsMax, imports.length, 'imports_max'),
    ...over('entries in all tables', limits.tableEntriesMax, entries, 'table_entries_max'),
    ...over('pages of 64 KiB to begin with', limits.memoryPagesMax, pages, 'memory_bytes_max'),
    ...over('tables', limits.tablesMax, tables.length),
    ...over('memories', limits.memoriesMax, memories.length),
  ];
  if (memories.some((memory) => memory.isShared)) {
    faults.push('memories belong to one guest; build without threads: received a shared memory');
  }
  // The names of builtin imports that V8 would answer itself, outside the meter.
  const builtin = imports.find((each) => each.module.startsWith('wasm:'));
  if (builtin !== undefined) {
    const received = `an import of ${builtin.module.slice(0, builtinCharsMax)}`;
    faults.push(`JavaScript builtins are not offered: received ${received}`);
  }
  if (faults.length > 0) throw refuseAsked(faults.join('; '));
}

const builtinCharsMax = 40;
/** What V8 itself reads: below it the counts are held against the limits together, at the end. */
const countsRead = { functionsMax: 1_000_000, importsMax: 100_000 };

function over(what: string, most: number, received: number, setting?: string): readonly string[] {
  return received > most ? [crossed(what, most, received, setting)] : [];
}

/** `setting`: what the operator may raise, below `limits`. */
function crossed(what: string, most: number, received: number, setting?: string): string {
  const raise = setting === undefined ? '' : ` (limits.${setting})`;
  return `at most ${most} ${what}${raise}: received ${received}`;
}

type FeatureTest = (decoder: ModuleDecoder, code: CodeFacts) => boolean;

function usesAny(code: CodeFacts, first: number, last: number): boolean {
  return code.instructionsUsed.subarray(first, last + 1).includes(1);
}

const featureTests: Readonly<Record<Exclude<Feature, 'branch-hints'>, FeatureTest>> = {
  atomics: (_, code) => usesAny(code, Op.atomicNotify, opCount - 1),
  'bulk-memory': (_, code) => usesAny(code, Op.memoryInit, Op.tableCopy),
  exceptions: (_, code) =>
    usesAny(code, Op.tryTable, Op.tryTable) || usesAny(code, Op.throwRef, Op.throwRef),
  'extended-const': (decoder) => decoder.usesExtendedConst,
  gc: (decoder, code) =>
    usesAny(code, gcBase, miscBase - 1) || decoder.types.some((type) => type.kind !== 'func'),
  'legacy-exceptions': (_, code) =>
    usesAny(code, Op.try, Op.catch) || usesAny(code, Op.delegate, Op.catchAll),
  memory64: (decoder) =>
    decoder.memories.some((each) => each.is64) || decoder.tables.some((each) => each.is64),
  'multi-memory': (decoder) => decoder.memories.length > 1,
  'multi-value': (decoder) =>
    decoder.types.some((type) => type.kind === 'func' && type.results.length > 1),
  'nontrapping-conversions': (_, code) => usesAny(code, miscBase, miscBase + 7),
  'reference-types': (decoder, code) =>
    decoder.tables.length > 1 ||
    usesAny(code, Op.tableGet, Op.tableSet) ||
    usesAny(code, Op.refNull, Op.refFunc) ||
    usesAny(code, Op.tableGrow, Op.tableFill),
  'relaxed-simd': (_, code) => usesAny(code, Op.relaxedFirst, Op.atomicNotify - 1),
  'shared-memory': (decoder) => decoder.memories.some((each) => each.isShared),
  'sign-extension': (_, code) => usesAny(code, Op.i32Extend8S, Op.i32Extend8S + 4),
  simd: (decoder, code) => decoder.usesV128 || usesAny(code, simdBase, Op.atomicNotify - 1),
  'tail-calls': (_, code) =>
    usesAny(code, Op.returnCall, Op.returnCallIndirect) ||
    usesAny(code, Op.returnCallRef, Op.returnCallRef),
  'typed-function-references': (decoder, code) =>
    decoder.usesConcreteReferences ||
    usesAny(code, Op.callRef, Op.returnCallRef) ||
    usesAny(code, Op.refEq, Op.brOnNonNull),
};

function findFeatures(
  decoder: ModuleDecoder,
  code: CodeFacts,
  customSections: readonly string[],
): ReadonlySet<Feature> {
  const features = new Set<Feature>();
  for (const feature of Object.keys(featureTests) as (keyof typeof featureTests)[]) {
    if (featureTests[feature](decoder, code)) features.add(feature);
  }
  if (customSections.includes('metadata.code.branch_hint')) features.add('branch-hints');
  return features;
}
