/**
 * The bytes of one `.wasm` file → an artifact the engine can run, or the reason why not. Pure;
 * heavy for large modules, so the daemon calls it in the builder thread.
 */
import { createHash } from 'node:crypto';
import type { ModuleFace } from '../../abi/abi.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Digest } from '../../threads/messages.ts';
import type { EngineFacts, FormFacts } from '../../threads/program.ts';
import { findInitialiser } from '../../wasm/initialiser.ts';
import { inspectModule } from '../../wasm/inspect.ts';
import type { MeteredModule } from '../../wasm/meter.ts';
import { type MeteredCore, meterProgram } from '../../wasm/program.ts';
import { defaultModuleLimits, type ModuleLimits, type ModuleShape } from '../../wasm/shape.ts';

const wasmPageBytes = 65_536;
/** Pages a 32-bit address can reach. */
const addressablePages = 65_536;
const reasonCharsMax = 300;

export interface Artifact {
  /** Of the original bytes. */
  readonly digest: Digest;
  readonly originalBytes: number;
  readonly abi: string;
  readonly entry: string;
  /** The export that is called once, before any request; see wasm/initialiser.ts. */
  readonly initialise: string | undefined;
  /** What is compiled: the original, metered. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** The form that also marks what it writes. */
  readonly cardsCode: Uint8Array<ArrayBuffer> | undefined;
  readonly engine: EngineFacts;
  /** The first function with a body has this index. */
  readonly importedFunctionCount: number;
}

/** Which ABI a module speaks, by what it imports and exports. */
export type JudgeModule = (
  face: ModuleFace,
) =>
  | { readonly kind: 'speaks'; readonly abi: string; readonly entry: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface ArtifactOptions {
  readonly limits: Limits;
  readonly judge: JudgeModule;
}

/**
 * Judges `bytes` and makes the artifact.
 *
 * @throws TerrafirmaError('module-refused') with the reason; the same bytes and limits always get
 *   the same answer
 */
export function buildArtifact(bytes: Uint8Array<ArrayBuffer>, options: ArtifactOptions): Artifact {
  const shape = inspectModule(bytes, moduleLimits(options.limits));
  checkValid(bytes);
  const verdict = options.judge(faceOf(shape));
  if (verdict.kind === 'refused') throw new TerrafirmaError('module-refused', verdict.reason);
  const initialise = findInitialiser(shape);
  const metered = meter(bytes, shape, options.limits, initialise !== undefined);
  if (metered === undefined) throw new TypeError('Cannot build the artifact: it has no core');
  const { plain, cards } = metered;
  return {
    digest: digestBytes(bytes),
    originalBytes: bytes.length,
    abi: verdict.abi,
    entry: verdict.entry,
    initialise,
    code: plain.bytes,
    cardsCode: cards?.bytes,
    engine: {
      metered: formFacts(plain),
      cards: cards === undefined ? undefined : formFacts(cards),
    },
    importedFunctionCount: shape.importedFunctionCount,
  };
}

/**
 * The engine bounds memory itself, when the guest asks to grow: so it learns that a growth was
 * refused, and can say so when the guest traps over it.
 */
function meter(
  bytes: Uint8Array<ArrayBuffer>,
  shape: ModuleShape,
  { tableEntriesMax }: Limits,
  exportsState: boolean,
): MeteredCore | undefined {
  const alone = [{ bytes, shape, links: [] }];
  const options = { memoryPagesMax: addressablePages, tableEntriesMax, exportsState };
  return meterProgram(alone, options).cores[0];
}

function formFacts({ bytes: _, ...facts }: MeteredModule): FormFacts {
  return facts;
}

/** SHA-256 of the original bytes: the name of a version everywhere. */
export function digestBytes(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
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
