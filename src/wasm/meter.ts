/**
 * Rewrites a module so that it counts its instructions, asks before it grows, and can be brought
 * back to its first state. `meter/contract.ts` says how an engine runs the result.
 */
import { TerrafirmaError } from '../errors.ts';
import { LocalValues } from './binary/local-values.ts';
import { Op } from './binary/opcodes.ts';
import { SectionId } from './binary/sections.ts';
import { ByteWriter } from './binary/writer.ts';
import { Additions, ExportKind } from './meter/additions.ts';
import { Arrays } from './meter/arrays.ts';
import { assembleModule } from './meter/assemble.ts';
import { BodyRewriter } from './meter/body.ts';
import { Bulk } from './meter/bulk.ts';
import { CallWatch } from './meter/call-watch.ts';
import type { CardMarking } from './meter/cards.ts';
import { Charges } from './meter/charges.ts';
import {
  type CardPlan,
  cardBytes,
  type EarlyNames,
  type EarlyPlan,
  type MemoryPlan,
  type MeteredModule,
} from './meter/contract.ts';
import { Emitter } from './meter/emitter.ts';
import { EntryStops } from './meter/entry-stops.ts';
import { filledBytesOf } from './meter/filled.ts';
import { Grow } from './meter/grow.ts';
import { HintSection } from './meter/hints.ts';
import { instanceBytesOf } from './meter/instance-size.ts';
import { MarkedPlaces } from './meter/marked-places.ts';
import { Replacer } from './meter/replace.ts';
import { addStateFunctions, judgeRestorable } from './meter/state.ts';
import type { OffsetMap } from './offsets.ts';
import { reserveName } from './reserve.ts';
import { defaultModuleLimits, type ModuleShape } from './shape.ts';

export * from './meter/contract.ts';

export interface MeterOptions {
  /** The second form of a module: stores mark the 512 bytes they wrote to. */
  readonly cards: boolean;
  /** The caller has validated these very bytes with `WebAssembly.validate`. */
  readonly isValidated?: boolean;
  /** 64 KiB pages no memory may outgrow. */
  readonly memoryPagesMax?: number;
  /** Entries no table may outgrow. */
  readonly tableEntriesMax?: number;
  /** Whether an instance can be given the state of another; see `MeteredNames.state`. */
  readonly exportsState?: boolean;
  /** Left out: the start of the program is a part of each run. */
  readonly early?: EarlyPlan | undefined;
  /** The module is a core of a program; see program.ts. Left out: it runs alone. */
  readonly links?: {
    /** Of its own tables, those that cores which import them change. */
    readonly tablesChangedByOthers: ReadonlySet<number>;
    /** Pages of a card memory that serves whichever core has the most of them. */
    readonly cardPages: number;
  };
}

const pageBytes = 65_536;
const nothing: ReadonlySet<number> = new Set();
const noStateFunctions = { keep: undefined, state: undefined };

/**
 * The metered form of the module in `bytes`, whose shape is `shape`.
 *
 * @throws TerrafirmaError('module-refused') for invalid modules, indices that do not exist,
 *   functions beyond the limits of V8 when metered, and atomics
 */
export function meterModule(
  bytes: Uint8Array<ArrayBuffer>,
  shape: ModuleShape,
  options: MeterOptions,
): MeteredModule {
  requireMeterable(bytes, shape, options);
  const additions = new Additions(shape);
  const charges = new Charges(additions);
  const memoryPagesMax = options.memoryPagesMax ?? defaultModuleLimits.memoryPagesMax;
  const tableEntriesMax = options.tableEntriesMax ?? defaultModuleLimits.tableEntriesMax;
  const grow = new Grow({ shape, additions, charges, memoryPagesMax, tableEntriesMax });
  const memories = planMemories(bytes, shape, grow);
  const cards = options.cards ? planCards(shape, memories, options.links?.cardPages) : undefined;
  const cardMemory = cards === undefined ? undefined : shape.memories.length;
  const bulk = new Bulk({ shape, additions, charges, cardMemory });
  const arrays = new Arrays({ bytes, shape, additions, charges });
  const marking = planMarking(shape, cardMemory);
  const replacer = new Replacer({ shape, additions, charges, bulk, arrays, grow, marking });
  const isCatching = [Op.try, Op.tryTable].some((op) => shape.instructionsUsed[op] === 1);
  const hints = new HintSection();
  const emitter = new Emitter(bytes);
  const { early } = options;
  const watch = early && new CallWatch(shape, additions, early.watched);
  const stops = early?.stops && new EntryStops(shape, additions, early.stops);
  const common = { bytes, shape, additions, charges, replacer, emitter };
  const rewriter = new BodyRewriter({ ...common, isCatching, hints, watch, stops });
  const bodies = new ByteWriter(codeBytesOf(shape) * 2);
  for (let i = 0; i * 2 < shape.bodies.length; i++) rewriter.rewrite(i, bodies);
  const changedByOthers = options.links?.tablesChangedByOthers ?? nothing;
  const changed = new Set([...replacer.changedTables, ...changedByOthers]);
  const restorable = judgeRestorable(shape, { changed, isLinked: options.links !== undefined });
  const names = nameParts(shape, additions, { charges, grow });
  const state =
    restorable === true
      ? addStateFunctions({
          bytes,
          shape,
          additions,
          changed,
          changedByOthers,
          tableFlag: (table) => replacer.tableFlag(table),
          exportsState: options.exportsState === true,
        })
      : noStateFunctions;
  const earlyNames = early && watch && nameEarly(additions, early, { watch, stops });
  const assembled = assembleModule({ bytes, shape, additions, memories, cards, bodies, hints });
  return {
    bytes: assembled.bytes,
    offsets: offsetsOf(shape, assembled.bodiesStart, emitter),
    names: { ...names, ...state, early: earlyNames },
    memories,
    cards,
    restorable,
    changedTables: [...changed],
    tableEntries: shape.tables.reduce((sum, { entriesMin }) => sum + entriesMin, 0),
    instanceBytes: instanceBytesOf(shape),
  };
}

function codeBytesOf({ sections }: ModuleShape): number {
  const code = sections.find(({ id }) => id === SectionId.code);
  return code === undefined ? 0 : code.end - code.start;
}

function nameEarly(
  additions: Additions,
  { resume }: EarlyPlan,
  { watch, stops }: { readonly watch: CallWatch; readonly stops: EntryStops | undefined },
): EarlyNames {
  const global = (name: string, index: number): string =>
    additions.addExport(name, ExportKind.global, index);
  return {
    resume: additions.addExport('resume', ExportKind.func, resume),
    watched: global('watched', watch.flag),
    starting: stops && global('starting', stops.isStarting),
    stopped: stops && global('stopped', stops.stoppedAt),
  };
}

function offsetsOf(
  { functionTypes }: ModuleShape,
  codeStart: number,
  { runs }: Emitter,
): OffsetMap {
  return { codeStart, functionCount: functionTypes.length, runs: runs.finish() };
}

function requireMeterable(
  bytes: Uint8Array<ArrayBuffer>,
  shape: ModuleShape,
  { isValidated }: MeterOptions,
): void {
  requireOneKindOfExceptions(shape);
  if (isValidated === true || WebAssembly.validate(bytes)) return;
  throw new TerrafirmaError(
    'module-refused',
    `Cannot meter the module: it must be valid: received ${bytes.length} bytes V8 refuses`,
  );
}

/** V8 refuses both in one module, but sees it by luck: it compiles functions side by side. */
function requireOneKindOfExceptions({ features }: ModuleShape): void {
  if (!features.has('exceptions') || !features.has('legacy-exceptions')) return;
  throw new TerrafirmaError(
    'module-refused',
    'Cannot meter the module: its exceptions must be of one kind, `try_table` or the older ' +
      '`try`: received both; build all of it with the same options',
  );
}

function importModuleName(shape: ModuleShape): string {
  return reserveName('terrafirma', new Set(shape.imports.map((each) => each.module)));
}

function planMemories(bytes: Uint8Array, shape: ModuleShape, grow: Grow): MemoryPlan[] {
  const imports = shape.imports.filter((each) => each.kind === 'memory');
  const module = importModuleName(shape);
  const filled = filledBytesOf(bytes, shape);
  return shape.memories.map((memory, i) => {
    const original = imports[i];
    return {
      module: original?.module ?? module,
      name: original?.name ?? `memory${i}`,
      pagesMin: memory.pagesMin,
      pagesMax: grow.pagesMax(i),
      is64: memory.is64,
      isOriginalImport: original !== undefined,
      filled: filled?.[i],
    };
  });
}

function planCards(
  shape: ModuleShape,
  memories: readonly MemoryPlan[],
  pagesMin = 1,
): CardPlan | undefined {
  const first = memories[0];
  if (first === undefined) return undefined;
  const pages = Math.max(pagesMin, countCardPages(first));
  return { module: importModuleName(shape), name: 'cards', pages };
}

function planMarking(
  { memories }: ModuleShape,
  cardMemory: number | undefined,
): CardMarking | undefined {
  if (cardMemory === undefined) return undefined;
  const locals = new LocalValues();
  const places = new MarkedPlaces(locals);
  return { cardMemory, is64: memories[0]?.is64 === true, locals, places };
}

/** A card is a byte: one 64 KiB page of them covers 32 MiB. */
export function countCardPages({ pagesMax }: Pick<MemoryPlan, 'pagesMax'>): number {
  return Math.max(1, Math.ceil((pagesMax * (pageBytes / cardBytes)) / pageBytes));
}

function nameParts(
  shape: ModuleShape,
  additions: Additions,
  parts: { readonly charges: Charges; readonly grow: Grow },
): Omit<MeteredModule['names'], 'keep' | 'state' | 'early'> {
  const { charges, grow } = parts;
  const { heap } = charges;
  return {
    table:
      shape.tables.length === 0 ? undefined : additions.addExport('table', ExportKind.table, 0),
    fuel: additions.addExport('fuel', ExportKind.global, additions.fuel),
    host: additions.addExport('host', ExportKind.table, additions.hostTable),
    heap: heap === undefined ? undefined : additions.addExport('heap', ExportKind.global, heap),
    start:
      shape.start === undefined
        ? undefined
        : additions.addExport('start', ExportKind.func, shape.start),
    memorySizes: shape.memories.map((_, i) =>
      additions.addExport(`size${i}`, ExportKind.global, grow.sizeGlobal(i)),
    ),
  };
}
