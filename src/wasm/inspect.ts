/**
 * Reads a module without running or compiling it: what it imports, exports, declares and uses, and
 * whether it stays within limits. Everything behind this door takes the `ModuleShape` for granted.
 */
import { ModuleDecoder } from './binary/decode.ts';
import { gcBase, miscBase, Op, opCount, simdBase } from './binary/opcodes.ts';
import { refuseModule } from './binary/reader.ts';
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
 * The shape of the module in `bytes`. Throws `TerrafirmaError('module-refused')` with the offset
 * for anything that is not a complete core module within `limits`. Bodies are walked, not type
 * checked: `WebAssembly.validate` does that.
 */
export function inspectModule(
  bytes: Uint8Array,
  limits: ModuleLimits = defaultModuleLimits,
): ModuleShape {
  if (bytes.length > limits.moduleBytesMax) {
    throw refuseModule(
      `a module has at most ${limits.moduleBytesMax} bytes`,
      `${bytes.length}`,
      limits.moduleBytesMax,
    );
  }
  requireCoreModule(bytes);
  const sections = readSections(bytes);
  const decoder = new ModuleDecoder(bytes, limits);
  for (const section of sections) {
    if (section.id !== SectionId.custom) decoder.decode(section);
  }
  requireBodies(decoder, bytes.length);
  checkLimits(decoder, limits);
  const code = scanCode(bytes, decoder.bodies, limits);
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

function checkLimits(decoder: ModuleDecoder, limits: ModuleLimits): void {
  checkMemories(decoder, limits);
  const entries = decoder.tables.reduce((sum, table) => sum + table.entriesMin, 0);
  if (entries > limits.tableEntriesMax) {
    const rule = `tables have at most ${limits.tableEntriesMax} entries together`;
    throw refuseModule(rule, `${entries}`, 0);
  }
  if (decoder.tables.length > limits.tablesMax) {
    throw refuseModule(`at most ${limits.tablesMax} tables`, `${decoder.tables.length}`, 0);
  }
  // The names of builtin imports that V8 would answer itself, outside the meter.
  const builtin = decoder.imports.find((each) => each.module.startsWith('wasm:'));
  if (builtin !== undefined) {
    throw refuseModule('JavaScript builtins are not offered', `import of ${builtin.module}`, 0);
  }
}

function checkMemories(decoder: ModuleDecoder, limits: ModuleLimits): void {
  const { memories } = decoder;
  if (memories.length > limits.memoriesMax) {
    throw refuseModule(`at most ${limits.memoriesMax} memories`, `${memories.length}`, 0);
  }
  if (memories.some((memory) => memory.isShared)) {
    throw refuseModule(
      'memories belong to one guest alone; build without threads',
      'a shared memory',
      0,
    );
  }
  const pages = memories.reduce((sum, memory) => sum + memory.pagesMin, 0);
  if (pages > limits.memoryPagesMax) {
    const rule = `memories begin with at most ${limits.memoryPagesMax} pages of 64 KiB together`;
    throw refuseModule(rule, `${pages}`, 0);
  }
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
  'reference-types': (decoder, code) =>
    decoder.tables.length > 1 ||
    usesAny(code, Op.tableGet, Op.tableSet) ||
    usesAny(code, Op.refNull, Op.refFunc) ||
    usesAny(code, Op.tableGrow, Op.tableFill),
  'relaxed-simd': (_, code) => usesAny(code, Op.relaxedFirst, Op.atomicNotify - 1),
  'shared-memory': (decoder) => decoder.memories.some((each) => each.isShared),
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
