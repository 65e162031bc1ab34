/**
 * The bytes of one `.wasm` file → an artifact the engine can run, or the reason why not. Pure;
 * heavy for large modules, so the daemon calls it in the builder thread.
 */
import { createHash } from 'node:crypto';
import type { ModuleFace } from '../../abi/abi.ts';
import type { ModuleVerdict } from '../../abi/catalogue.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Digest } from '../../threads/messages.ts';
import {
  type EarlyFacts,
  type FormFacts,
  type Program,
  type ProgramCore,
  placeKey,
} from '../../threads/program.ts';
import { type ComponentLimits, defaultComponentLimits } from '../../wasm/component/limits.ts';
import type { ComponentPlan } from '../../wasm/component/plan.ts';
import { isComponent, readComponent } from '../../wasm/component.ts';
import { firstPlace } from '../../wasm/go/function-names.ts';
import { findGoStart, type GoStart } from '../../wasm/go/start.ts';
import { findInitialiser } from '../../wasm/initialiser.ts';
import { inspectModule } from '../../wasm/inspect.ts';
import type { MemoryPlan, MeteredModule } from '../../wasm/meter.ts';
import { type CoreSource, meterProgram, type ProgramOptions } from '../../wasm/program.ts';
import { defaultModuleLimits, type ModuleLimits, type ModuleShape } from '../../wasm/shape.ts';

const wasmPageBytes = 65_536;
/** Pages a 32-bit address can reach. */
const addressablePages = 65_536;
const reasonCharsMax = 300;

/** One core module, metered: what is compiled of it, and how it links. */
export interface ArtifactCore extends Pick<ProgramCore, 'engine' | 'links' | 'memories'> {
  readonly code: Uint8Array<ArrayBuffer>;
  /** The form that also marks what it writes. */
  readonly cardsCode: Uint8Array<ArrayBuffer> | undefined;
}

export interface Artifact extends Pick<Program, 'mainCore' | 'memories' | 'component' | 'early'> {
  /** Of the original bytes. */
  readonly digest: Digest;
  readonly originalBytes: number;
  readonly abi: string;
  readonly entry: string;
  /** The export that is called once, before any request; see wasm/initialiser.ts. */
  readonly initialise: string | undefined;
  /** One, but for components. */
  readonly cores: readonly ArtifactCore[];
  /** SHA-256 of each form, in the order of `formsOf`: modules of equal code have equal ones. */
  readonly formHashes: readonly string[];
  /** There could be forms that mark; see `ArtifactOptions.forms`. */
  readonly lacksCards: boolean;
  /** Of a module that is alone: the first function with a body has this index. */
  readonly importedFunctionCount: number | undefined;
  /** See `Twins.keyOf`; left out where nobody asked. */
  readonly twinKey?: string | undefined;
}

/** All that is compiled, in order. */
export function formsOf(cores: readonly Pick<ArtifactCore, 'code' | 'cardsCode'>[]) {
  return cores.flatMap(({ code, cardsCode }) =>
    cardsCode === undefined ? [code] : [code, cardsCode],
  );
}

export type JudgeModule = (face: ModuleFace) => ModuleVerdict;
export type JudgeComponent = (plan: ComponentPlan) => ModuleVerdict;

export interface ArtifactOptions {
  readonly limits: Limits;
  readonly judge: JudgeModule;
  /** Left out: no component is accepted. */
  readonly judgeComponent?: JudgeComponent;
  /** Which forms are made; all, where this is left out. */
  readonly forms?: WantedForms;
  /** Of the bytes, where it is known already: to hash a large module takes a while. */
  readonly digest?: Digest;
}

/**
 * `first`: what answers the soonest. Of a large module that is the form that marks nothing, because
 * making, trying and compiling another one would take as long again.
 */
export type WantedForms = 'all' | 'first';

/** Smaller ones have both forms within some tens of milliseconds. */
export const plainFirstBytesMin = 1024 * 1024;

/**
 * Of all core instances of a component: each is an object in each instance of it. Python with its
 * libraries has 4,239.
 */
export const coreExportsMax = 20_000;

/**
 * Judges `bytes` and makes the artifact.
 *
 * @throws TerrafirmaError('module-refused') with the reason; the same bytes and limits always get
 *   the same answer
 */
export function buildArtifact(bytes: Uint8Array<ArrayBuffer>, options: ArtifactOptions): Artifact {
  return isComponent(bytes) ? buildComponent(bytes, options) : buildModule(bytes, options);
}

function buildModule(bytes: Uint8Array<ArrayBuffer>, options: ArtifactOptions): Artifact {
  const shape = inspectModule(bytes, moduleLimits(options.limits));
  checkValid(bytes);
  const { abi, entry, startsEarly = false } = accept(options.judge(faceOf(shape)));
  const initialise = findInitialiser(shape);
  const early = startsEarly && initialise === undefined ? findGoStart(bytes, shape) : undefined;
  const alone = [{ bytes, shape, links: [] }];
  const plainOnly = isPlainFirst(bytes.length, options);
  const metered = meter(alone, options.limits, {
    exportsState: initialise !== undefined || early !== undefined,
    plainOnly,
    early,
  });
  const { importedFunctionCount } = shape;
  return {
    ...common(bytes, options),
    ...metered,
    abi,
    entry,
    initialise,
    early: early && factsOf(early, shape),
    mainCore: 0,
    importedFunctionCount,
  };
}

function factsOf({ wrappers, told }: GoStart, shape: ModuleShape): EarlyFacts {
  const placesFrom = firstPlace - shape.importedFunctionCount;
  return {
    places: new Map(wrappers.map((each) => [placeKey(each), each.place])),
    told: told && { ...told.places, placesFrom },
  };
}

function buildComponent(bytes: Uint8Array<ArrayBuffer>, options: ArtifactOptions): Artifact {
  const { limits } = options;
  const { cores, plan } = readComponent(bytes, {
    limits: componentLimits(limits),
    moduleLimits: moduleLimits(limits),
  });
  const unserved: ModuleVerdict = { kind: 'refused', reason: 'Cannot run the component: not here' };
  const { abi, entry } = accept(options.judgeComponent?.(plan) ?? unserved);
  requireExports(cores);
  const plainOnly = isPlainFirst(bytes.length, options);
  const metered = meter(cores, limits, { exportsState: false, plainOnly });
  requireMemories(metered.memories, limits);
  const exported = plan.exports.find((each) => `${each.interface}#${each.name}` === entry);
  const mainCore = exported?.func.core ?? 0;
  const rest = { initialise: undefined, importedFunctionCount: undefined, component: plan };
  return { ...common(bytes, options), ...metered, ...rest, abi, entry, mainCore };
}

/** Whether the form that marks is left out at first. */
export function isPlainFirst(bytes: number, { forms }: Pick<ArtifactOptions, 'forms'>): boolean {
  return forms === 'first' && bytes >= plainFirstBytesMin;
}

function common(
  bytes: Uint8Array,
  { digest = digestBytes(bytes) }: Pick<ArtifactOptions, 'digest'>,
): Pick<Artifact, 'digest' | 'originalBytes'> {
  return { digest, originalBytes: bytes.length };
}

function accept(verdict: ModuleVerdict): Extract<ModuleVerdict, { readonly kind: 'speaks' }> {
  if (verdict.kind === 'speaks') return verdict;
  throw new TerrafirmaError('module-refused', verdict.reason);
}

/** A module may be there a hundred times, and all that it exports each time. */
function requireExports(cores: readonly CoreSource[]): void {
  const exports = cores.reduce((sum, { shape }) => sum + shape.exports.length, 0);
  if (exports <= coreExportsMax) return;
  const rule = `its core instances may export ${coreExportsMax} things together`;
  const detail = `Cannot accept the component: ${rule}: received ${exports}`;
  throw new TerrafirmaError('module-refused', detail);
}

/** Each core was held against the limits alone; together they begin with no more. */
function requireMemories(memories: readonly MemoryPlan[], limits: Limits): void {
  const pages = memories.reduce((sum, { pagesMin }) => sum + pagesMin, 0);
  const { memoryPagesMax, memoriesMax } = moduleLimits(limits);
  if (pages <= memoryPagesMax && memories.length <= memoriesMax) return;
  const rule = `at most ${memoriesMax} memories with ${memoryPagesMax} pages to begin with`;
  const received = `${memories.length} with ${pages}`;
  const detail = `Cannot accept the component: ${rule}: received ${received}`;
  throw new TerrafirmaError('module-refused', detail);
}

/**
 * The engine bounds memory itself, when the guest asks to grow: so it learns that a growth was
 * refused, and can say so when the guest traps over it.
 */
function meter(
  sources: readonly CoreSource[],
  { tableEntriesMax }: Limits,
  wanted: Pick<ProgramOptions, 'exportsState' | 'plainOnly' | 'early'>,
): Pick<Artifact, 'cores' | 'memories' | 'formHashes' | 'lacksCards'> {
  const options = { memoryPagesMax: addressablePages, tableEntriesMax, ...wanted };
  const { cores, memories, lacksCards } = meterProgram(sources, options);
  const made = cores.map(({ plain, cards, links, memories: numbers }) => ({
    code: plain.bytes,
    cardsCode: cards?.bytes,
    engine: {
      metered: formFacts(plain),
      cards: cards === undefined ? undefined : formFacts(cards),
    },
    links,
    memories: numbers,
  }));
  return { cores: made, memories, formHashes: formsOf(made).map(hashBytes), lacksCards };
}

function formFacts({ bytes: _, ...facts }: MeteredModule): FormFacts {
  return facts;
}

/** SHA-256 of the original bytes: the name of a version everywhere. */
export function digestBytes(bytes: Uint8Array): Digest {
  return hashBytes(bytes) as Digest;
}

function hashBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The daemon's limits in the words of the decoder. */
export function moduleLimits(limits: Limits): ModuleLimits {
  return {
    ...defaultModuleLimits,
    moduleBytesMax: limits.moduleBytesMax,
    functionsMax: limits.functionsMax,
    importsMax: limits.importsMax,
    tableEntriesMax: limits.tableEntriesMax,
    memoryPagesMax: Math.floor(limits.memoryBytesMax / wasmPageBytes),
  };
}

/** The same for components. */
export function componentLimits(limits: Limits): ComponentLimits {
  return {
    ...defaultComponentLimits,
    bytesMax: limits.moduleBytesMax,
    levelsMax: limits.componentLevelsMax,
    modulesMax: limits.componentModulesMax,
    coreInstancesMax: limits.componentCoresMax,
    instancesMax: limits.componentInstancesMax,
    typesMax: limits.componentTypesMax,
    importsMax: limits.componentImportsMax,
    exportsMax: limits.componentImportsMax,
    canonsMax: limits.componentFunctionsMax,
    nameBytesTogetherMax: limits.componentNameBytesMax,
  };
}

/** What ABIs see of a module. */
export function faceOf(shape: ModuleShape): ModuleFace {
  return {
    imports: shape.imports.map(({ module, name, kind, type }) => ({
      module,
      name,
      kind: kind === 'func' ? 'function' : kind,
      type,
    })),
    exports: shape.exports.map(({ name, kind, type }) => ({
      name,
      kind: kind === 'func' ? 'function' : kind,
      type,
    })),
  };
}

/** V8's words about a module, which quote its names: cut, and without what a terminal obeys. */
export function explainCompile(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const plain = text.replace(/^WebAssembly\.\w+\(\): /, '').replace(/[^\x20-\x7e]/g, '?');
  return plain.slice(0, reasonCharsMax);
}

/** The engine has the last word on what is valid; compiling says what is wrong, and where. */
function checkValid(bytes: Uint8Array<ArrayBuffer>): void {
  if (WebAssembly.validate(bytes)) return;
  let reason = 'it is not valid WebAssembly';
  try {
    new WebAssembly.Module(bytes);
  } catch (error) {
    reason = explainCompile(error);
  }
  throw new TerrafirmaError(
    'module-refused',
    `Cannot accept the module: it must be valid WebAssembly: received ${reason}`,
  );
}
