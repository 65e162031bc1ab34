/**
 * Saving and putting back what an instance keeps beside its memories: globals, tables, virtual
 * sizes, dropped segments. Done in wasm: through JavaScript, NaN bits would be lost and v128
 * cannot pass at all.
 */
import type { GlobalShape, ModuleShape, ValueType } from '../shape.ts';
import { type Additions, ExportKind, Value } from './additions.ts';
import type { CodeWriter } from './code.ts';
import type { MeteredNames, Restorable, StateGlobal } from './contract.ts';

const numberTypes: ReadonlySet<ValueType> = new Set(['i32', 'i64', 'f32', 'f64', 'v128']);

/** Function references of any kind hold no state of their own. */
function isFunctionType(type: ValueType, shape: ModuleShape): boolean {
  if (type === 'funcref' || type === 'nullfuncref') return true;
  const heapType = /^\(ref (?:null )?(\w+)\)$/.exec(type)?.[1];
  if (heapType === undefined) return false;
  if (heapType === 'func' || heapType === 'nofunc') return true;
  return shape.types[Number(heapType)]?.kind === 'func';
}

function isNullable(type: ValueType): boolean {
  return !type.startsWith('(ref ') || type.startsWith('(ref null ');
}

export interface StateContext {
  readonly bytes: Uint8Array;
  readonly shape: ModuleShape;
  readonly additions: Additions;
  /** All tables that change. */
  readonly changed: ReadonlySet<number>;
  /** Tables that other cores of the program change: put back whatever the flag says. */
  readonly changedByOthers: ReadonlySet<number>;
  /** The global that says that a table was changed. */
  tableFlag(table: number): number;
  /** Whether the state can be copied to another instance; see `MeteredNames.state`. */
  readonly exportsState: boolean;
}

/** More make no copy: each is an export, and an import of the mover. */
const copiedGlobalsMax = 1_000;

export interface RestorableContext {
  /** Tables that the module or other cores of its program change. */
  readonly changed: ReadonlySet<number>;
  /** What it imports is other cores', which put that back themselves. */
  readonly isLinked: boolean;
}

/** Whether an instance can be brought back to its first state, or why not. */
export function judgeRestorable(
  shape: ModuleShape,
  { changed, isLinked }: RestorableContext,
): Restorable {
  for (const [i, global] of shape.globals.entries()) {
    if (global.isImported && isLinked) continue;
    const reason = judgeGlobal(global, shape);
    if (reason !== undefined) return { reason: `global ${i} ${reason}` };
  }
  for (const [i, table] of shape.tables.entries()) {
    if (table.isImported && isLinked) continue;
    const isOurs = isFunctionType(table.type, shape) && !table.isImported && !table.allocates;
    if (!isOurs) {
      return { reason: `table ${i} is imported or of type ${table.type}, which may hold state` };
    }
    if (changed.has(i) && !isNullable(table.type)) {
      return { reason: `table ${i} changes and is of the non-nullable type ${table.type}` };
    }
  }
  for (const [i, segment] of shape.elements.entries()) {
    if (segment.allocates || !isFunctionType(segment.type, shape)) {
      return { reason: `element segment ${i} of type ${segment.type} may hold state` };
    }
  }
  return true;
}

function judgeGlobal(global: GlobalShape, shape: ModuleShape): string | undefined {
  if (global.allocates) return 'allocates an object';
  if (global.isImported && global.isMutable) return 'is imported and mutable';
  if (numberTypes.has(global.type)) return undefined;
  if (!isFunctionType(global.type, shape)) {
    return `is of type ${global.type}, which may hold state`;
  }
  return global.isMutable && !isNullable(global.type)
    ? `is mutable and of the non-nullable type ${global.type}`
    : undefined;
}

/**
 * Appends shadows, and `$keep`, which fills them, or puts back what they have. One function: V8
 * takes some 330 bytes for each that an instance exports.
 */
export function addStateFunctions(
  context: StateContext,
): Required<Pick<MeteredNames, 'keep' | 'state'>> {
  const { additions } = context;
  const globals = addShadowGlobals(context);
  const tables = addShadowTables(context);
  const keep = additions.functionIndex('keep', [[[Value.i32]], []], (code) => {
    code.get(0);
    code.if();
    for (const { index, shadow, is64, flag } of tables) {
      if (flag !== undefined) {
        code.globalGet(flag);
        code.if();
      }
      writeTableCopy(code, { to: index, from: shadow, is64 });
      if (flag !== undefined) code.end();
    }
    for (const { index, shadow } of globals) writeMove(code, shadow, index);
    code.else();
    for (const { index, shadow } of globals) writeMove(code, index, shadow);
    for (const { index, shadow, is64 } of tables) {
      writeTableCopy(code, { to: shadow, from: index, is64 });
    }
    code.end();
  });
  return {
    keep: additions.addExport('keep', ExportKind.func, keep),
    state:
      context.exportsState && tables.length === 0 ? exportShadows(additions, globals) : undefined,
  };
}

interface ShadowGlobal {
  readonly index: number;
  readonly shadow: number;
  /** Undefined: a reference. */
  readonly type: number | undefined;
}

function exportShadows(
  additions: Additions,
  globals: readonly ShadowGlobal[],
): readonly StateGlobal[] | undefined {
  if (globals.length > copiedGlobalsMax) return undefined;
  const types = globals.map(({ type }) => type);
  if (!types.every((type) => type !== undefined)) return undefined;
  return types.map((type, position) => {
    const { shadow } = globals[position] ?? { shadow: 0 };
    return { name: additions.addExport(`state${position}`, ExportKind.global, shadow), type };
  });
}

function writeMove(code: CodeWriter, from: number, to: number): void {
  code.globalGet(from);
  code.globalSet(to);
}

function writeTableCopy(
  code: CodeWriter,
  copy: { readonly to: number; readonly from: number; readonly is64: boolean },
): void {
  for (let i = 0; i < 2; i++) {
    if (copy.is64) code.i64(0);
    else code.i32(0);
  }
  code.misc(16, copy.from);
  code.misc(14, copy.to, copy.from);
}

function addShadowGlobals(context: StateContext): ShadowGlobal[] {
  const { bytes, shape, additions } = context;
  const pairs: ShadowGlobal[] = [];
  for (const [index, global] of shape.globals.entries()) {
    if (!global.isMutable || global.isImported) continue;
    const { entries } = additions.globals;
    entries.copyRange(bytes, global.typeStart, global.typeEnd);
    entries.writeByte(1);
    entries.writeBytes(zeroOf(bytes, global));
    entries.writeByte(0x0b);
    const type = numberTypes.has(global.type) ? bytes[global.typeStart] : undefined;
    pairs.push({ index, shadow: additions.globals.add(), type });
  }
  for (const { index, type } of [...additions.stateGlobals]) {
    pairs.push({ index, shadow: additions.addGlobal(type, 0), type });
  }
  return pairs;
}

/** The constant a shadow begins with. */
function zeroOf(bytes: Uint8Array, global: GlobalShape): number[] {
  const type = bytes[global.typeStart] ?? 0;
  if (type === Value.i32) return [0x41, 0];
  if (type === Value.i64) return [0x42, 0];
  if (type === Value.f32) return [0x43, 0, 0, 0, 0];
  if (type === Value.f64) return [0x44, 0, 0, 0, 0, 0, 0, 0, 0];
  if (type === Value.v128) return [0xfd, 0x0c, ...new Uint8Array(16)];
  // A reference: a shorthand byte is its heap type, (ref null t) has it behind its first byte.
  const heapStart = type === 0x63 ? global.typeStart + 1 : global.typeStart;
  return [0xd0, ...bytes.subarray(heapStart, global.typeEnd)];
}

interface ShadowTable {
  readonly index: number;
  readonly shadow: number;
  readonly is64: boolean;
  /** Undefined: other cores change the table, and set no flag of ours. */
  readonly flag: number | undefined;
}

function addShadowTables(context: StateContext): ShadowTable[] {
  const { bytes, shape, additions, changed, changedByOthers } = context;
  const own = [...changed].filter((index) => shape.tables[index]?.isImported !== true);
  return own.map((index) => {
    const table = shape.tables[index];
    const { entries } = additions.tables;
    const is64 = table?.is64 === true;
    entries.copyRange(bytes, table?.typeStart ?? 0, table?.typeEnd ?? 0);
    entries.writeByte(is64 ? 5 : 1);
    entries.writeU32(table?.entriesMin ?? 0);
    entries.writeU32(table?.entriesMin ?? 0);
    const flag = changedByOthers.has(index) ? undefined : context.tableFlag(index);
    return { index, shadow: additions.tables.add(), is64, flag };
  });
}
